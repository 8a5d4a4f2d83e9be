#include "platform/secret_box.h"
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cstring>
#include "base/check.h"
#include "base/text_codings.h"
#include "platform/private_file.h"
#include "platform/secrets.h"

namespace autark::platform {
namespace {

constexpr size_t kKeyBytes = 32, kNonceBytes = 12, kTagBytes = 16;

unsigned char* bytes_of(std::string& s) {
  return reinterpret_cast<unsigned char*>(s.data());
}
const unsigned char* bytes_of(const std::string& s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

struct Free {
  void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); }
};

}  // namespace

// On a page of its own, which is neither swapped nor part of core dumps.
struct SecretBox::Key {
  explicit Key(const std::string& key) {
    AUTARK_CHECK(key.size() == kKeyBytes);
    page =
        ::mmap(nullptr, size_t(::getpagesize()), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    AUTARK_CHECK(page != MAP_FAILED);
    ::madvise(page, size_t(::getpagesize()), MADV_DONTDUMP);
    ::mlock(page, size_t(::getpagesize()));
    std::memcpy(page, key.data(), key.size());
  }
  Key(const Key&) = delete;
  ~Key() {
    OPENSSL_cleanse(page, kKeyBytes);
    ::munmap(page, size_t(::getpagesize()));
  }
  const unsigned char* bytes() const { return static_cast<const unsigned char*>(page); }
  void* page = nullptr;
};

std::optional<Error> SecretBox::make(const std::filesystem::path& file) {
  std::string key = random_bytes(kKeyBytes), line = base64url(key) + "\n";
  auto failed = write_private(file, line);
  OPENSSL_cleanse(key.data(), key.size());
  OPENSSL_cleanse(line.data(), line.size());
  return failed;
}

Result<SecretBox> SecretBox::open(const std::filesystem::path& file) {
  AUTARK_TRY(const Others others, open_to_others(file));
  if (others != Others::none)
    return Error{Code::invalid, "the key file " + file.string() + " is open to other users; chmod 600 it"};
  AUTARK_TRY(std::string line, read_bounded(file, 256));
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  auto key = from_base64url(line);
  OPENSSL_cleanse(line.data(), line.size());
  if (!key || key->size() != kKeyBytes)
    return Error{Code::invalid,
                 "the key file " + file.string() +
                     " is damaged; restore it from a backup, or make a new platform's key and let "
                     "members set up their one-time codes again"};
  auto kept = std::make_shared<const Key>(*key);
  OPENSSL_cleanse(key->data(), key->size());
  return SecretBox(std::move(kept));
}

SecretBox SecretBox::random() {
  return SecretBox(std::make_shared<const Key>(random_bytes(kKeyBytes)));
}

// nonce, encrypted text, tag
std::string SecretBox::seal(const std::string& secret, const std::string& owner) const {
  const std::string nonce = random_bytes(kNonceBytes);
  const std::unique_ptr<EVP_CIPHER_CTX, Free> c(EVP_CIPHER_CTX_new());
  std::string out(secret.size(), '\0'), tag(kTagBytes, '\0');
  int count = 0;
  const bool done =
      c && EVP_EncryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, key_->bytes(), bytes_of(nonce)) == 1 &&
      EVP_EncryptUpdate(c.get(), nullptr, &count, bytes_of(owner), int(owner.size())) == 1 &&
      EVP_EncryptUpdate(c.get(), bytes_of(out), &count, bytes_of(secret), int(secret.size())) == 1 &&
      EVP_EncryptFinal_ex(c.get(), bytes_of(out) + count, &count) == 1 &&
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_GET_TAG, int(kTagBytes), bytes_of(tag)) == 1;
  AUTARK_CHECK(done);
  return base64url(nonce + out + tag);
}

std::optional<std::string> SecretBox::open(const std::string& sealed, const std::string& owner) const {
  const auto bytes = from_base64url(sealed);
  if (!bytes || bytes->size() < kNonceBytes + kTagBytes) return {};
  const std::string nonce = bytes->substr(0, kNonceBytes);
  const std::string text = bytes->substr(kNonceBytes, bytes->size() - kNonceBytes - kTagBytes);
  std::string tag = bytes->substr(bytes->size() - kTagBytes), out(text.size(), '\0');
  const std::unique_ptr<EVP_CIPHER_CTX, Free> c(EVP_CIPHER_CTX_new());
  int count = 0;
  const bool done =
      c && EVP_DecryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, key_->bytes(), bytes_of(nonce)) == 1 &&
      EVP_DecryptUpdate(c.get(), nullptr, &count, bytes_of(owner), int(owner.size())) == 1 &&
      EVP_DecryptUpdate(c.get(), bytes_of(out), &count, bytes_of(text), int(text.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_SET_TAG, int(kTagBytes), bytes_of(tag)) == 1 &&
      EVP_DecryptFinal_ex(c.get(), bytes_of(out) + count, &count) == 1;
  return done ? std::optional(out) : std::nullopt;
}

}  // namespace autark::platform
