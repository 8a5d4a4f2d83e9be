// Tokenizer implemented by the Rust crate, with the special-token texts and end tokens that the files beside
// it name. Private to text/.
#pragma once
#include <map>
#include "text/crates.h"
#include "text/tokenizer.h"

namespace autark::text {

struct CrateTokenizerFree {
  void operator()(autark_tokenizer* t) const { autark_tokenizer_free(t); }
};
using CrateTokenizerHandle = std::unique_ptr<autark_tokenizer, CrateTokenizerFree>;

struct TokenNames {
  std::map<std::string, std::string, std::less<>> special;  // bos_token → "<s>"
  std::vector<int32_t> end;                                 // ids that end an answer
};

class CrateTokenizer final : public Tokenizer {
 public:
  CrateTokenizer(CrateTokenizerHandle handle, TokenNames names);
  Result<std::vector<int32_t>> encode(std::string_view text, EncodeOptions options) const override;
  int64_t size() const override;
  std::string bytes_of(int32_t id) const override;
  bool is_special(int32_t id) const override;
  std::optional<int32_t> id_of(std::string_view token) const override;
  std::optional<std::string> special_text(std::string_view name) const override;
  std::map<std::string, std::string, std::less<>> special_texts() const override { return names_.special; }
  std::vector<std::string> markup() const override;
  std::vector<int32_t> end_tokens() const override { return names_.end; }
  std::unique_ptr<StreamDecoder> stream(bool skip_special) const override;

 private:
  CrateTokenizerHandle handle_;
  TokenNames names_;
};

// Special-token texts and end tokens that a folder's files name. Files that cannot be read are ignored.
TokenNames names_beside(const std::filesystem::path& folder);

// The GGUF file in a directory, the first one of a split set; empty if there is none.
std::filesystem::path gguf_inside(const std::filesystem::path& folder);

// The file in a directory that holds a SentencePiece model or the tokens of tiktoken, if there is one.
std::optional<std::filesystem::path> vocabulary_file_in(const std::filesystem::path& folder);

// A tokenizer with the names and end tokens of the files beside. The token eos_token ends an answer.
std::unique_ptr<Tokenizer> with_names(CrateTokenizerHandle handle, TokenNames names);

// The sources of a vocabulary. A vocabulary file is one that vocabulary_file_in() names.
Result<std::unique_ptr<Tokenizer>> open_tokenizer_json(const std::filesystem::path& file);
Result<std::unique_ptr<Tokenizer>> open_gguf_tokenizer(const std::filesystem::path& file);
Result<std::unique_ptr<Tokenizer>> open_vocabulary_file(const std::filesystem::path& file);

// Conversions at the border to the crate. The results of borrow() and view() do not own their bytes.
inline autark_str borrow(std::string_view s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}
inline std::string_view view(autark_str s) {
  return {reinterpret_cast<const char*>(s.data), s.size};
}
std::string take(autark_buffer b);  // copies the bytes and frees the buffer

}  // namespace autark::text
