#include "store/text_rule.h"
#include <algorithm>

namespace autark::storage {
namespace {

constexpr size_t kTextBytesMax = size_t{16} << 20;

struct Form {
  uint8_t mask, lead;  // of the first byte
  size_t bytes;
  uint32_t least;  // shorter forms have the code points below
};
constexpr Form kForms[] = {
    {0x80, 0x00, 1, 1}, {0xe0, 0xc0, 2, 0x80}, {0xf0, 0xe0, 3, 0x800}, {0xf8, 0xf0, 4, 0x10000}};

// The length of the code point at the start; 0 if there is none, or NUL.
size_t code_point_bytes(std::string_view bytes) {
  const auto first = uint8_t(bytes[0]);
  for (const Form& form : kForms) {
    if ((first & form.mask) != form.lead) continue;
    if (bytes.size() < form.bytes) return 0;
    uint32_t code = first & uint8_t(~form.mask);
    for (size_t i = 1; i < form.bytes; ++i) {
      if ((uint8_t(bytes[i]) & 0xc0) != 0x80) return 0;
      code = code << 6 | (uint8_t(bytes[i]) & 0x3f);
    }
    const bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
    return code >= form.least && code <= 0x10ffff && !is_surrogate ? form.bytes : 0;
  }
  return 0;
}

}  // namespace

bool is_plain_text(std::string_view bytes) {
  while (!bytes.empty()) {
    const size_t length = code_point_bytes(bytes);
    if (length == 0) return false;
    bytes.remove_prefix(length);
  }
  return true;
}

std::optional<Error> fault_of_texts(std::span<const Value> values) {
  for (const Value& value : values) {
    const auto* text = std::get_if<std::string>(&value);
    if (!text) continue;
    if (text->size() > kTextBytesMax)
      return Error{Code::invalid, "store: a text is longer than 16 MiB; shorten it"};
    if (!is_plain_text(*text))
      return Error{Code::invalid, "store: a text has a NUL or is no UTF-8; send it without"};
  }
  return {};
}

}  // namespace autark::storage
