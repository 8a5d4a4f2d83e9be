#include "base/sealed_bytes.h"
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <memory>
#include "base/check.h"

namespace autark {
namespace {

constexpr size_t kNonceBytes = 12, kTagBytes = 16;

unsigned char* bytes_of(std::string& s) {
  return reinterpret_cast<unsigned char*>(s.data());
}
const unsigned char* bytes_of(std::string_view s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

struct Free {
  void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); }
};
using Cipher = std::unique_ptr<EVP_CIPHER_CTX, Free>;

}  // namespace

std::string random_bytes(size_t count) {
  std::string bytes(count, '\0');
  AUTARK_CHECK(RAND_bytes(bytes_of(bytes), int(count)) == 1);
  return bytes;
}

std::string sealed_bytes(std::string_view key, std::string_view text, std::string_view label) {
  AUTARK_CHECK(key.size() == kSealKeyBytes);
  const std::string nonce = random_bytes(kNonceBytes);
  const Cipher c(EVP_CIPHER_CTX_new());
  std::string out(text.size(), '\0'), tag(kTagBytes, '\0');
  int count = 0;
  const bool done =
      c && EVP_EncryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key), bytes_of(nonce)) == 1 &&
      EVP_EncryptUpdate(c.get(), nullptr, &count, bytes_of(label), int(label.size())) == 1 &&
      EVP_EncryptUpdate(c.get(), bytes_of(out), &count, bytes_of(text), int(text.size())) == 1 &&
      EVP_EncryptFinal_ex(c.get(), bytes_of(out) + count, &count) == 1 &&
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_GET_TAG, int(kTagBytes), bytes_of(tag)) == 1;
  AUTARK_CHECK(done);
  return nonce + out + tag;
}

std::optional<std::string> opened_bytes(std::string_view key, std::string_view sealed,
                                        std::string_view label) {
  AUTARK_CHECK(key.size() == kSealKeyBytes);
  if (sealed.size() < kNonceBytes + kTagBytes) return {};
  const std::string_view nonce = sealed.substr(0, kNonceBytes);
  const std::string_view text = sealed.substr(kNonceBytes, sealed.size() - kNonceBytes - kTagBytes);
  std::string tag(sealed.substr(sealed.size() - kTagBytes)), out(text.size(), '\0');
  const Cipher c(EVP_CIPHER_CTX_new());
  int count = 0;
  const bool done =
      c && EVP_DecryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key), bytes_of(nonce)) == 1 &&
      EVP_DecryptUpdate(c.get(), nullptr, &count, bytes_of(label), int(label.size())) == 1 &&
      EVP_DecryptUpdate(c.get(), bytes_of(out), &count, bytes_of(text), int(text.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_SET_TAG, int(kTagBytes), bytes_of(tag)) == 1 &&
      EVP_DecryptFinal_ex(c.get(), bytes_of(out) + count, &count) == 1;
  return done ? std::optional(out) : std::nullopt;
}

}  // namespace autark
