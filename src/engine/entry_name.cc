#include "engine/entry_name.h"
#include <openssl/sha.h>

namespace autark::engine {
namespace {

void add(std::string& to, const void* bytes, size_t n) {
  to.append(static_cast<const char*>(bytes), n);
}

int value_of(char digit) {
  if (digit >= '0' && digit <= '9') return digit - '0';
  return digit >= 'a' && digit <= 'f' ? digit - 'a' + 10 : -1;
}

}  // namespace

Sha256 sha256_of(std::string_view bytes) {
  Sha256 sum;
  SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), sum.data());
  return sum;
}

std::string hex_of(const Sha256& sum) {
  std::string digits;
  for (const uint8_t b : sum) digits += "0123456789abcdef"[b >> 4], digits += "0123456789abcdef"[b & 15];
  return digits;
}

std::optional<Sha256> sha256_from_hex(std::string_view digits) {
  Sha256 sum;
  if (digits.size() != 2 * sum.size()) return {};
  for (size_t i = 0; i < sum.size(); ++i) {
    const int high = value_of(digits[2 * i]), low = value_of(digits[2 * i + 1]);
    if (high < 0 || low < 0) return {};
    sum[i] = uint8_t(high << 4 | low);
  }
  return sum;
}

// Lengths stand before what they count, so that no two inputs have the same bytes.
Sha256 block_name(const Sha256& parent, bool everybody, std::string_view domain,
                  std::span<const int32_t> tokens) {
  std::string all;
  add(all, parent.data(), parent.size());
  const uint64_t sizes[] = {everybody, everybody ? 0 : domain.size(), tokens.size()};
  add(all, sizes, sizeof sizes);
  if (!everybody) all += domain;
  add(all, tokens.data(), tokens.size_bytes());
  return sha256_of(all);
}

}  // namespace autark::engine
