#include "serve/seal.h"
#include <fcntl.h>
#include <unistd.h>
#include <charconv>
#include <fstream>
#include <sstream>
#include "base/sealed_bytes.h"
#include "base/text_codings.h"

namespace autark::serve {
namespace {

constexpr int64_t kDay = 24 * 3600, kSeals = 90 * kDay, kOpens = kSeals + 30 * kDay;
constexpr size_t kSealedMax = size_t{64} << 20;

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
  return {now, random_bytes(kSealKeyBytes)};
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
    if (!words || !bytes || bytes->size() != kSealKeyBytes)
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
  return base64url(sealed_bytes(keys().front().bytes, text));
}

std::optional<std::string> Seal::open(const std::string& sealed) const {
  if (sealed.size() > kSealedMax) return {};
  const auto bytes = from_base64url(sealed);
  for (const Key& k : keys())
    if (auto text = bytes ? opened_bytes(k.bytes, *bytes) : std::nullopt) return text;
  return {};
}

}  // namespace autark::serve
