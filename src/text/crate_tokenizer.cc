#include "text/crate_tokenizer.h"
#include <cstring>
#include "text/stream.h"

namespace autark::text {
namespace {

// Removes what the tokenizer's decoder strips from the beginning of a text, and splits at whole characters.
class CrateStream final : public StreamDecoder {
 public:
  CrateStream(const autark_tokenizer* t, bool skip_special) : tokenizer_(t), skip_special_(skip_special) {
    autark_tokenizer_strip(t, &strip_, &strip_left_, &first_repeats_);
    if (strip_ >= 0x80) strip_left_ = 0;  // vocabularies strip spaces only
  }

  std::string push(int32_t id) override {
    if (id < 0) return "";
    const autark_piece piece = autark_tokenizer_piece(tokenizer_, uint32_t(id));
    if (!piece.known || (skip_special_ && piece.special)) return "";
    std::string_view bytes = view(first_ ? piece.first : piece.bytes);
    first_ = first_ && first_repeats_ && bytes.empty();
    for (; strip_left_ > 0 && !bytes.empty(); --strip_left_) {
      if (uint8_t(bytes[0]) != strip_)
        strip_left_ = 1;
      else
        bytes.remove_prefix(1);
    }
    return text_.push(bytes);
  }

  std::string flush() const override { return text_.flush(); }

 private:
  const autark_tokenizer* tokenizer_;
  bool skip_special_;
  bool first_ = true, first_repeats_ = false;
  uint32_t strip_ = 0;
  size_t strip_left_ = 0;
  Utf8Stream text_;
};

}  // namespace

// The crate allocated the bytes, so the crate must free them.
std::string take(autark_buffer b) {
  std::string s(reinterpret_cast<const char*>(b.data), b.size);
  autark_buffer_free(b);
  return s;
}

CrateTokenizer::CrateTokenizer(CrateTokenizerHandle handle, TokenNames names)
    : handle_(std::move(handle)), names_(std::move(names)) {}

Result<std::vector<int32_t>> CrateTokenizer::encode(std::string_view text, EncodeOptions options) const {
  std::vector<autark_byte_range> literal;
  literal.reserve(options.literal.size());
  for (const ByteRange& r : options.literal) literal.push_back({r.begin, r.end});
  autark_buffer ids, error;
  if (!autark_tokenizer_encode(handle_.get(), borrow(text), {options.add_special, options.parse_special},
                               literal.data(), literal.size(), &ids, &error))
    return Error{Code::invalid, take(error)};
  std::vector<int32_t> out(ids.size / sizeof(int32_t));
  if (!out.empty()) std::memcpy(out.data(), ids.data, ids.size);
  autark_buffer_free(ids);
  return out;
}

int64_t CrateTokenizer::size() const {
  return int64_t(autark_tokenizer_size(handle_.get()));
}

std::string CrateTokenizer::bytes_of(int32_t id) const {
  return id < 0 ? "" : std::string(view(autark_tokenizer_piece(handle_.get(), uint32_t(id)).bytes));
}

bool CrateTokenizer::is_special(int32_t id) const {
  return id >= 0 && autark_tokenizer_piece(handle_.get(), uint32_t(id)).special;
}

std::optional<int32_t> CrateTokenizer::id_of(std::string_view token) const {
  const int64_t id = autark_tokenizer_id(handle_.get(), borrow(token));
  if (id < 0) return std::nullopt;
  return int32_t(id);
}

std::optional<std::string> CrateTokenizer::special_text(std::string_view name) const {
  const auto it = names_.special.find(name);
  if (it == names_.special.end()) return std::nullopt;
  return it->second;
}

std::vector<std::string> CrateTokenizer::markup() const {
  std::vector<std::string> out(autark_tokenizer_markup_count(handle_.get()));
  for (size_t i = 0; i < out.size(); ++i) out[i] = view(autark_tokenizer_markup(handle_.get(), i));
  return out;
}

std::unique_ptr<StreamDecoder> CrateTokenizer::stream(bool skip_special) const {
  return std::make_unique<CrateStream>(handle_.get(), skip_special);
}

}  // namespace autark::text
