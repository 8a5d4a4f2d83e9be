// What a SentencePiece file ("tokenizer.model") says: its pieces, how they are chosen and how a text is
// normalised. Private to text/. Immutable; views of the file's bytes, which must outlive it.
#pragma once
#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "base/result.h"

namespace autark::text {

struct SentencePieceFile {
  // As GGUF files number them; 5, unused, is made by no text.
  enum Type : uint8_t { normal = 1, unknown = 2, control = 3, user_defined = 4, unused = 5, byte = 6 };
  std::vector<std::string_view> pieces;  // by id; UTF-8 is not checked
  std::vector<float> scores;             // finite
  std::vector<uint8_t> types;            // values of Type
  bool unigram = true;                   // else byte pair encoding
  bool byte_fallback = false;            // unknown characters are written in byte pieces
  bool whitespace_suffix = false;        // the space of a word stands behind it
  bool dummy_prefix = true;              // a space is put before the text (behind it: whitespace_suffix)
  bool remove_extra = true;              // white space at the ends, and all but one between words, is removed
  bool escape = true;                    // spaces are written as U+2581
  std::string_view charsmap;             // the table of normalised characters; may be empty
  std::string unk_surface = " \u2047 ";  // the text of the unknown piece
  std::array<int64_t, 4> special = {0, 1, 2, -1};  // ids of unk, bos, eos and pad; -1: there is none

  // Code::invalid: the bytes are no such file. Code::unsupported: models of words or characters, and files
  // that change decoded text.
  static Result<SentencePieceFile> parse(std::string_view bytes);
};

}  // namespace autark::text
