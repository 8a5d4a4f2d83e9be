#include "base/text_codings.h"
#include <cstdint>

namespace autark {
namespace {

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

// Writes groups of `width` bits as letters.
std::string in_groups(std::string_view bytes, std::string_view letters, int width) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  const uint32_t mask = (1u << width) - 1;
  for (const char c : bytes) {
    bits = (bits << 8 | uint8_t(c)) & 0xffff;
    for (count += 8; count >= width; count -= width) out += letters[bits >> (count - width) & mask];
  }
  if (count > 0) out += letters[bits << (width - count) & mask];
  return out;
}

std::optional<std::string> from_groups(std::string_view text, std::string_view letters, int width) {
  std::string out;
  uint32_t bits = 0;
  int count = 0;
  for (const char c : text) {
    const size_t value = letters.find(c);
    if (value == letters.npos) return {};
    bits = (bits << width | uint32_t(value)) & 0xffff;
    if ((count += width) >= 8) out += char(bits >> (count -= 8) & 255);
  }
  return out;
}

}  // namespace

std::string hex(std::string_view bytes) {
  return in_groups(bytes, kHex, 4);
}

std::optional<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return {};
  return from_groups(text, kHex, 4);
}

std::string base64url(std::string_view bytes) {
  return in_groups(bytes, kBase64, 6);
}

std::optional<std::string> from_base64url(std::string_view text) {
  return from_groups(text, kBase64, 6);
}

std::string base32(std::string_view bytes) {
  return in_groups(bytes, kBase32, 5);
}

std::optional<std::string> from_base32(std::string_view text) {
  std::string capital;
  for (const char c : text)
    if (c != ' ' && c != '=') capital += c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c;
  return from_groups(capital, kBase32, 5);
}

}  // namespace autark
