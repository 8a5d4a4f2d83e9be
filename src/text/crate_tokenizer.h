// The tokenizer as the crate gives it, with what the files beside it name: special-token texts and end
// tokens. Private to text/.
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
  std::vector<int32_t> end;
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

// Special-token texts and end tokens that the files of a checkpoint directory name; files that cannot be read
// are left out.
TokenNames names_beside(const std::filesystem::path& folder);

// The GGUF file of a directory that holds one (the first of a split set); empty where there is none.
std::filesystem::path gguf_inside(const std::filesystem::path& folder);

// Where the vocabulary comes from.
Result<std::unique_ptr<Tokenizer>> open_tokenizer_json(const std::filesystem::path& file);
Result<std::unique_ptr<Tokenizer>> open_gguf_tokenizer(const std::filesystem::path& file);

inline autark_str borrow(std::string_view s) {
  return {reinterpret_cast<const uint8_t*>(s.data()), s.size()};
}
inline std::string_view view(autark_str s) {
  return {reinterpret_cast<const char*>(s.data), s.size};
}
std::string take(autark_buffer b);  // copies and frees

}  // namespace autark::text
