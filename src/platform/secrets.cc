#include "platform/secrets.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <algorithm>
#include <memory>
#include "base/check.h"
#include "base/sealed_bytes.h"
#include "base/text_codings.h"

namespace autark::platform {
namespace {

constexpr std::string_view kLetters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

struct Free {
  void operator()(EVP_MD_CTX* c) const { EVP_MD_CTX_free(c); }
};

}  // namespace

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
  return autark::hex({reinterpret_cast<const char*>(hash.data()), hash.size()});
}

std::optional<Hash> hash_from_hex(std::string_view text) {
  const auto bytes = from_hex(text);
  Hash hash;
  if (!bytes || bytes->size() != hash.size()) return {};
  std::copy(bytes->begin(), bytes->end(), hash.begin());
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

}  // namespace autark::platform
