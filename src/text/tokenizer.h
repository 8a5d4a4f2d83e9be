// Text to token ids and back. Immutable after open() and thread-safe. Implemented by the Rust crate
// `tokenizers` behind text/crates.h; other vocabulary files are converted to the same pipeline.
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

// Bytes [begin, end) of a text.
struct ByteRange {
  size_t begin = 0, end = 0;
};

struct EncodeOptions {
  bool add_special = true;  // add what the published post-processor adds, such as <bos>
  // Recognise added tokens in the text. False: none is recognised, whatever its flags say, except those that
  // are plain text in gemma3's vocabulary (runs of white space, HTML tags).
  bool parse_special = false;
  std::span<const ByteRange> literal = {};  // with parse_special: bytes to read as if it were false
};

class StreamDecoder;

class Tokenizer {
 public:
  // A directory with tokenizer.json, a GGUF file, tokenizer.model (SentencePiece), tiktoken.model or
  // hy.tiktoken, or one of these files. The first of them counts. Code::not_found: it has none.
  static Result<std::unique_ptr<Tokenizer>> open(const std::filesystem::path& path);
  virtual ~Tokenizer() = default;

  // Text that is not UTF-8 is an Error that names the byte.
  virtual Result<std::vector<int32_t>> encode(std::string_view text, EncodeOptions options = {}) const = 0;
  virtual int64_t size() const = 0;  // highest id + 1
  // The bytes that the token adds to a text, possibly part of a character; empty for an unknown id.
  virtual std::string bytes_of(int32_t id) const = 0;
  virtual bool is_special(int32_t id) const = 0;  // true: decoding with skip_special leaves it out
  virtual std::optional<int32_t> id_of(std::string_view token) const = 0;
  // The text of bos_token, eos_token, pad_token …, which templates use; nullopt if no file names it.
  virtual std::optional<std::string> special_text(std::string_view name) const = 0;
  virtual std::map<std::string, std::string, std::less<>> special_texts() const = 0;  // all of them, by name
  // Spellings of added tokens that are recognised with parse_special only: the markup of conversations.
  virtual std::vector<std::string> markup() const = 0;
  virtual std::vector<int32_t> end_tokens() const = 0;  // the end tokens that the model's files name
  // A decoder for one answer; it must not outlive the tokenizer.
  virtual std::unique_ptr<StreamDecoder> stream(bool skip_special = true) const = 0;

  std::string decode(std::span<const int32_t> ids, bool skip_special = true) const;  // a whole text
};

// Decodes ids one by one. The pieces, joined, are the text. Each piece has whole characters only: bytes wait
// until their character is complete, and bytes that cannot become one are replaced by U+FFFD, one per maximal
// invalid part. Not thread-safe.
class StreamDecoder {
 public:
  virtual ~StreamDecoder() = default;
  virtual std::string push(int32_t id) = 0;  // returns the text that is complete now
  virtual std::string flush() const = 0;     // the text of the bytes that wait, if the stream ends here
};

}  // namespace autark::text
