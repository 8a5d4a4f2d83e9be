#include "platform/secrets.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <memory>
#include "base/check.h"

namespace autark::platform {
namespace {

constexpr std::string_view kLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view kBase32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
constexpr std::string_view kHex = "0123456789abcdef";

struct Free {
  void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
};

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

std::string random_bytes(size_t count) {
  std::string bytes(count, '\0');
  AUTARK_CHECK(RAND_bytes(reinterpret_cast<unsigned char*>(bytes.data()), int(count)) == 1);
  return bytes;
}

// Bytes from 248 on are thrown away, so that all 62 letters are equally likely.
std::string random_letters(size_t count) {
  std::string text;
  while (text.size() < count) {
    for (const char c : random_bytes(count))
      if (uint8_t(c) < 248 && text.size() < count) text += kLetters[uint8_t(c) % 62];
  }
  return text;
}

// The context is kept per thread: to find the algorithm takes longer than to compute it.
Hash hash_of(std::string_view secret) {
  thread_local const std::unique_ptr<EVP_MD_CTX, Free> context(EVP_MD_CTX_new());
  static const EVP_MD* const sha256 = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  Hash hash;
  AUTARK_CHECK(EVP_DigestInit_ex2(context.get(), sha256, nullptr) == 1 &&
               EVP_DigestUpdate(context.get(), secret.data(), secret.size()) == 1 &&
               EVP_DigestFinal_ex(context.get(), hash.data(), nullptr) == 1);
  return hash;
}

std::string hex(const Hash& hash) {
  std::string text;
  for (const uint8_t b : hash) text += {kHex[b >> 4], kHex[b & 15]};
  return text;
}

std::optional<Hash> hash_from_hex(std::string_view text) {
  Hash hash;
  if (text.size() != 2 * hash.size()) return {};
  for (size_t i = 0; i < hash.size(); ++i) {
    const size_t high = kHex.find(text[2 * i]), low = kHex.find(text[2 * i + 1]);
    if (high == kHex.npos || low == kHex.npos) return {};
    hash[i] = uint8_t(high << 4 | low);
  }
  return hash;
}

std::string new_key_secret() {
  return "ak-" + random_letters(8) + "-" + random_letters(43);
}

std::string prefix_of(const std::string& secret) {
  return secret.substr(0, 11);
}

std::string new_id(const std::string& kind) {
  return kind + "_" + random_letters(24);
}

bool is_same(std::string_view a, std::string_view b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
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

}  // namespace autark::platform
