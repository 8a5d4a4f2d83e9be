#include "platform/secret_box.h"
#include <openssl/crypto.h>
#include <sys/mman.h>
#include <unistd.h>
#include <cstring>
#include "base/check.h"
#include "base/sealed_bytes.h"
#include "base/text_codings.h"
#include "platform/private_file.h"

namespace autark::platform {

// On a page of its own, which is neither swapped nor part of core dumps.
struct SecretBox::Key {
  explicit Key(const std::string& key) {
    AUTARK_CHECK(key.size() == kSealKeyBytes);
    page =
        ::mmap(nullptr, size_t(::getpagesize()), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    AUTARK_CHECK(page != MAP_FAILED);
    ::madvise(page, size_t(::getpagesize()), MADV_DONTDUMP);
    ::mlock(page, size_t(::getpagesize()));
    std::memcpy(page, key.data(), key.size());
  }
  Key(const Key&) = delete;
  ~Key() {
    OPENSSL_cleanse(page, kSealKeyBytes);
    ::munmap(page, size_t(::getpagesize()));
  }
  std::string_view bytes() const { return {static_cast<const char*>(page), kSealKeyBytes}; }
  void* page = nullptr;
};

std::optional<Error> SecretBox::make(const std::filesystem::path& file) {
  std::string key = random_bytes(kSealKeyBytes), line = base64url(key) + "\n";
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
  if (!key || key->size() != kSealKeyBytes)
    return Error{Code::invalid,
                 "the key file " + file.string() +
                     " is damaged; restore it from a backup, or make a new platform's key and let "
                     "members set up their one-time codes again"};
  auto kept = std::make_shared<const Key>(*key);
  OPENSSL_cleanse(key->data(), key->size());
  return SecretBox(std::move(kept));
}

SecretBox SecretBox::random() {
  return SecretBox(std::make_shared<const Key>(random_bytes(kSealKeyBytes)));
}

std::string SecretBox::seal(const std::string& secret, const std::string& owner) const {
  return base64url(sealed_bytes(key_->bytes(), secret, owner));
}

std::optional<std::string> SecretBox::open(const std::string& sealed, const std::string& owner) const {
  const auto bytes = from_base64url(sealed);
  return bytes ? opened_bytes(key_->bytes(), *bytes, owner) : std::nullopt;
}

}  // namespace autark::platform
