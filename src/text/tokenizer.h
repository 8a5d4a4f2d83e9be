// Text to token ids and back. Immutable after open(), safe to use from any thread. The work is done by the
// `tokenizers` crate behind text/crates.h; a GGUF file's vocabulary is rebuilt into the same pipeline.
#pragma once
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>
#include "base/result.h"

namespace autark::text {

struct ByteRange {
  size_t begin = 0, end = 0;
};

struct EncodeOptions {
  bool add_special = true;     // what the published post-processor adds, such as <bos>
  bool parse_special = false;  // cut added tokens out of the text first; false: none is recognised, whatever
                               // its flags (gemma3's plain-text ones excepted)
  std::span<const ByteRange> literal = {};  // with parse_special: bytes to read as if it were false
};

class StreamDecoder;

class Tokenizer {
 public:
  // A directory with tokenizer.json (and tokenizer_config.json), a GGUF file, or a tokenizer.json itself.
  // Code::not_found where there is none.
  static Result<std::unique_ptr<Tokenizer>> open(const std::filesystem::path& path);
  virtual ~Tokenizer() = default;

  // Text that is not UTF-8 is an Error naming the byte.
  virtual Result<std::vector<int32_t>> encode(std::string_view text, EncodeOptions options = {}) const = 0;
  virtual int64_t size() const = 0;  // highest id + 1
  // The token's own bytes as they enter a text (may be half a character); empty for an unknown id.
  virtual std::string bytes_of(int32_t id) const = 0;
  virtual bool is_special(int32_t id) const = 0;  // left out of decoded text
  virtual std::optional<int32_t> id_of(std::string_view token) const = 0;
  // bos_token, eos_token, pad_token … as texts; templates use them. Empty where the file names none.
  virtual std::optional<std::string> special_text(std::string_view name) const = 0;
  virtual std::map<std::string, std::string, std::less<>> special_texts() const = 0;  // all of these
  // Spellings that become tokens with parse_special only: the markup of a conversation.
  virtual std::vector<std::string> markup() const = 0;
  virtual std::vector<int32_t> end_tokens() const = 0;  // that the files beside the vocabulary name
  virtual std::unique_ptr<StreamDecoder> stream(bool skip_special = true) const = 0;

  std::string decode(std::span<const int32_t> ids, bool skip_special = true) const;
};

// Pieces of text as ids arrive; joined they are the text. Never half a character: bytes wait until the
// character is whole, and bytes that can no longer become one are given as U+FFFD, one per maximal invalid
// part. Lives no longer than its tokenizer; one stream, one thread.
class StreamDecoder {
 public:
  virtual ~StreamDecoder() = default;
  virtual std::string push(int32_t id) = 0;
  virtual std::string flush() const = 0;  // what would follow if the stream ended here
};

}  // namespace autark::text
