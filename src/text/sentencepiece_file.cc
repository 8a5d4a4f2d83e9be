// The message ModelProto of sentencepiece_model.proto, by numbers of fields: 1 pieces (1 text, 2 score, 3 type),
// 2 trainer (3 model, 24 suffix, 35 bytes, 40 to 43 ids, 44 text of unk), 3 normalizer (2 table, 3 prefix,
// 4 extra, 5 escape), 5 denormalizer (2 table).
#include "text/sentencepiece_file.h"
#include <bit>
#include <cmath>
#include <optional>
#include <unordered_set>
#include "text/wire_reader.h"

namespace autark::text {
namespace {

constexpr size_t kPiecesMax = size_t{1} << 22;
constexpr size_t kPieceBytesMax = 8000;

Error broken(const std::string& what) {
  return {Code::invalid, "SentencePiece: " + what};
}

// Calls take(field) for all fields of a message, until one is a fault.
template <class Take>
std::optional<Error> each_field(std::string_view message, const Take& take) {
  for (WireReader reader(message); !reader.done();) {
    const auto field = reader.next();
    if (!field) return field.error();
    if (auto fault = take(*field)) return fault;
  }
  return {};
}

std::optional<Error> read_piece(std::string_view message, SentencePieceFile& f) {
  std::string_view text;
  float score = 0;
  uint64_t type = SentencePieceFile::normal;
  auto fault = each_field(message, [&](const WireField& field) -> std::optional<Error> {
    if (field.name == 1) text = field.bytes;
    if (field.name == 2) score = std::bit_cast<float>(uint32_t(field.number));
    if (field.name == 3) type = field.number;
    return {};
  });
  if (fault) return fault;
  const std::string number = std::to_string(f.pieces.size());
  if (f.pieces.size() == kPiecesMax) return broken("there are too many pieces");
  if (text.empty() || text.size() >= kPieceBytesMax)
    return broken("piece " + number + " is empty or too long");
  if (!std::isfinite(score)) return broken("the score of piece " + number + " is not finite");
  if (type < SentencePieceFile::normal || type > SentencePieceFile::byte)
    return broken("piece " + number + " has a type that is not known");
  f.pieces.push_back(text);
  f.scores.push_back(score);
  f.types.push_back(uint8_t(type));
  return {};
}

std::optional<Error> read_trainer(std::string_view message, SentencePieceFile& f) {
  return each_field(message, [&](const WireField& field) -> std::optional<Error> {
    if (field.name == 3) {
      if (field.number != 1 && field.number != 2)
        return Error{Code::unsupported, "SentencePiece: models of words and of characters are not supported"};
      f.unigram = field.number == 1;
    }
    if (field.name == 24) f.whitespace_suffix = field.number != 0;
    if (field.name == 35) f.byte_fallback = field.number != 0;
    if (field.name >= 40 && field.name <= 43) f.special[field.name - 40] = int32_t(field.number);
    if (field.name == 44) f.unk_surface = field.bytes;
    return {};
  });
}

std::optional<Error> read_normalizer(std::string_view message, SentencePieceFile& f) {
  return each_field(message, [&](const WireField& field) -> std::optional<Error> {
    if (field.name == 2) f.charsmap = field.bytes;
    if (field.name == 3) f.dummy_prefix = field.number != 0;
    if (field.name == 4) f.remove_extra = field.number != 0;
    if (field.name == 5) f.escape = field.number != 0;
    return {};
  });
}

std::optional<Error> refuse_denormalizer(std::string_view message) {
  return each_field(message, [&](const WireField& field) -> std::optional<Error> {
    if (field.name != 2 || field.bytes.empty()) return {};
    return Error{Code::unsupported, "SentencePiece: a table that changes decoded text is not supported"};
  });
}

// Names every piece once: those that texts are made of, and the others.
std::optional<Error> check_pieces(const SentencePieceFile& f) {
  std::unordered_set<std::string_view> written, reserved;
  int unknown = 0;
  for (size_t i = 0; i < f.pieces.size(); ++i) {
    const uint8_t type = f.types[i];
    const bool is_written = type == SentencePieceFile::normal || type == SentencePieceFile::user_defined ||
                            type == SentencePieceFile::unused;
    if (!(is_written ? written : reserved).insert(f.pieces[i]).second)
      return broken("piece " + std::to_string(i) + " is there twice");
    if (type == SentencePieceFile::byte && !f.byte_fallback)
      return broken("piece " + std::to_string(i) + " is a byte, but byte_fallback is not set");
    unknown += type == SentencePieceFile::unknown;
  }
  if (written.empty()) return broken("there are no pieces; this is no tokenizer.model");
  if (unknown > 1) return broken("there are several unknown pieces");
  return {};
}

}  // namespace

Result<SentencePieceFile> SentencePieceFile::parse(std::string_view bytes) {
  SentencePieceFile f;
  auto fault = each_field(bytes, [&](const WireField& field) -> std::optional<Error> {
    if (field.name == 1) return read_piece(field.bytes, f);
    if (field.name == 2) return read_trainer(field.bytes, f);
    if (field.name == 3) return read_normalizer(field.bytes, f);
    if (field.name == 5) return refuse_denormalizer(field.bytes);
    return {};
  });
  if (!fault) fault = check_pieces(f);
  if (fault) return *fault;
  return f;
}

}  // namespace autark::text
