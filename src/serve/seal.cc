#include "serve/seal.h"
#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <unistd.h>
#include <charconv>
#include <fstream>
#include <memory>
#include <sstream>
#include "base/check.h"
#include "base/text_codings.h"

namespace autark::serve {
namespace {

constexpr size_t kKeyBytes = 32, kNonceBytes = 12, kTagBytes = 16;
constexpr int64_t kDay = 24 * 3600, kSeals = 90 * kDay, kOpens = kSeals + 30 * kDay;
constexpr size_t kSealedMax = size_t{64} << 20;

unsigned char* bytes_of(std::string& s) {
  return reinterpret_cast<unsigned char*>(s.data());
}
const unsigned char* bytes_of(const std::string& s) {
  return reinterpret_cast<const unsigned char*>(s.data());
}

std::string random_bytes(size_t count) {
  std::string bytes(count, '\0');
  AUTARK_CHECK(RAND_bytes(bytes_of(bytes), int(count)) == 1);
  return bytes;
}

struct FreeContext {
  void operator()(EVP_CIPHER_CTX* c) const { EVP_CIPHER_CTX_free(c); }
};
using Context = std::unique_ptr<EVP_CIPHER_CTX, FreeContext>;

// nonce, encrypted text, tag
std::string encrypted(const std::string& key, const std::string& text) {
  const std::string nonce = random_bytes(kNonceBytes);
  const Context c(EVP_CIPHER_CTX_new());
  std::string out(text.size(), '\0'), tag(kTagBytes, '\0');
  int count = 0;
  const bool ok =
      c && EVP_EncryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key), bytes_of(nonce)) == 1 &&
      EVP_EncryptUpdate(c.get(), bytes_of(out), &count, bytes_of(text), int(text.size())) == 1 &&
      EVP_EncryptFinal_ex(c.get(), bytes_of(out) + count, &count) == 1 &&
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_GET_TAG, int(kTagBytes), bytes_of(tag)) == 1;
  AUTARK_CHECK(ok);
  return nonce + out + tag;
}

std::optional<std::string> decrypted(const std::string& key, const std::string& bytes) {
  if (bytes.size() < kNonceBytes + kTagBytes) return {};
  const std::string nonce = bytes.substr(0, kNonceBytes);
  const std::string text = bytes.substr(kNonceBytes, bytes.size() - kNonceBytes - kTagBytes);
  std::string tag = bytes.substr(bytes.size() - kTagBytes), out(text.size(), '\0');
  const Context c(EVP_CIPHER_CTX_new());
  int count = 0;
  const bool ok =
      c && EVP_DecryptInit_ex(c.get(), EVP_aes_256_gcm(), nullptr, bytes_of(key), bytes_of(nonce)) == 1 &&
      EVP_DecryptUpdate(c.get(), bytes_of(out), &count, bytes_of(text), int(text.size())) == 1 &&
      EVP_CIPHER_CTX_ctrl(c.get(), EVP_CTRL_GCM_SET_TAG, int(kTagBytes), bytes_of(tag)) == 1 &&
      EVP_DecryptFinal_ex(c.get(), bytes_of(out) + count, &count) == 1;
  return ok ? std::optional(out) : std::nullopt;
}

Error fault(const std::filesystem::path& file, const char* what) {
  return {Code::io, "the key file " + file.string() + " " + what};
}

// Writes a new file beside it, then renames it.
std::optional<Error> write_private(const std::filesystem::path& file, const std::string& text) {
  const std::string beside = file.string() + ".new";
  ::unlink(beside.c_str());
  const int fd = ::open(beside.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return fault(file, "cannot be written");
  const bool ok = ::write(fd, text.data(), text.size()) == ssize_t(text.size()) && ::fsync(fd) == 0;
  ::close(fd);
  if (!ok || ::rename(beside.c_str(), file.c_str()) != 0) return fault(file, "cannot be written");
  return {};
}

}  // namespace

Seal::Key Seal::new_key(int64_t now) {
  return {now, random_bytes(kKeyBytes)};
}

Seal Seal::random(int64_t now) {
  return Seal({}, {new_key(now)});
}

Result<Seal> Seal::from_file(const std::filesystem::path& file, int64_t now) {
  std::vector<Key> keys;
  std::ifstream in(file);
  if (!in && std::filesystem::exists(file)) return fault(file, "cannot be read");
  for (std::string line; std::getline(in, line);) {
    std::istringstream words(line);
    Key key;
    std::string digits;
    words >> key.made >> digits;
    const auto bytes = from_hex(digits);
    if (!words || !bytes || bytes->size() != kKeyBytes)
      return fault(file, "is damaged; remove it to get a new key");
    key.bytes = *bytes;
    keys.push_back(std::move(key));
  }
  Seal seal(file, std::move(keys));
  if (auto failed = seal.rotate(now)) return *failed;
  return seal;
}

std::optional<Error> Seal::rotate(int64_t now) {
  const std::lock_guard lock(*mutex_);
  std::vector<Key> keys = keys_;
  std::erase_if(keys, [&](const Key& k) { return now - k.made > kOpens; });
  if (keys.empty() || now - keys.front().made > kSeals) {
    keys.insert(keys.begin(), new_key(now));
    std::string text;
    for (const Key& k : keys) text += std::to_string(k.made) + " " + hex(k.bytes) + "\n";
    if (!file_.empty())
      if (auto failed = write_private(file_, text)) return failed;
  }
  keys_ = std::move(keys);
  return {};
}

std::vector<Seal::Key> Seal::keys() const {
  const std::lock_guard lock(*mutex_);
  return keys_;
}

std::string Seal::seal(const std::string& text) const {
  return base64url(encrypted(keys().front().bytes, text));
}

std::optional<std::string> Seal::open(const std::string& sealed) const {
  if (sealed.size() > kSealedMax) return {};
  const auto bytes = from_base64url(sealed);
  for (const Key& k : keys())
    if (auto text = bytes ? decrypted(k.bytes, *bytes) : std::nullopt) return text;
  return {};
}

}  // namespace autark::serve
