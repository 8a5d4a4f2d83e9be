#include "hub/part_file.h"
#include <fcntl.h>
#include <openssl/evp.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>
#include "base/check.h"

namespace autark::hub {
namespace {

Result<int> open_to_write(const std::filesystem::path& path) {
  std::error_code fault;
  std::filesystem::create_directories(path.parent_path(), fault);
  if (fault) return disk_error(path.parent_path(), "cannot be made", fault.value());
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file < 0) return disk_error(path, "cannot be opened", errno);
  return file;
}

std::string hex(std::span<const unsigned char> bytes) {
  std::string text;
  for (const unsigned char b : bytes) text.append({"0123456789abcdef"[b >> 4], "0123456789abcdef"[b & 15]});
  return text;
}

// The digest of `before` followed by the file's bytes, as hex digits.
Result<std::string> digest_of(const std::filesystem::path& path, const EVP_MD* kind, std::string_view before,
                              const std::function<void(int64_t)>& on_bytes) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) return disk_error(path, "cannot be opened", errno);
  const auto close = [](const int* f) { ::close(*f); };
  const std::unique_ptr<const int, decltype(close)> closer(&file, close);
  const std::unique_ptr<EVP_MD_CTX, decltype(&EVP_MD_CTX_free)> sum(EVP_MD_CTX_new(), EVP_MD_CTX_free);
  if (!sum || !EVP_DigestInit_ex(sum.get(), kind, nullptr))
    return Error{Code::internal, "sums of files cannot be set up"};
  EVP_DigestUpdate(sum.get(), before.data(), before.size());
  std::vector<char> piece(1 << 20);
  int64_t done = 0;
  while (const ssize_t n = ::read(file, piece.data(), piece.size())) {
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return disk_error(path, "cannot be read", errno);
    EVP_DigestUpdate(sum.get(), piece.data(), n);
    done += n;
    if (on_bytes) on_bytes(done);
  }
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned length = 0;
  EVP_DigestFinal_ex(sum.get(), digest, &length);
  return hex({digest, length});
}

}  // namespace

Error disk_error(const std::filesystem::path& path, const std::string& what, int number) {
  if (number == ENOSPC || number == EDQUOT)
    return {Code::exhausted,
            path.string() +
                ": the disk is full; free some space and pull again (what is there is kept), "
                "or set AUTARK_MODELS to a folder on another disk"};
  return {Code::io, path.string() + " " + what + ": " + std::strerror(number)};
}

Result<PartFile> PartFile::open(const std::filesystem::path& path) {
  AUTARK_TRY(const int file, open_to_write(path));
  const off_t end = ::lseek(file, 0, SEEK_END);
  if (end < 0) {
    const int number = errno;
    ::close(file);
    return disk_error(path, "cannot be read", number);
  }
  return PartFile(path, file, end);
}

PartFile::PartFile(PartFile&& other) noexcept
    : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)), bytes_(other.bytes_) {}

PartFile::~PartFile() {
  if (file_ >= 0) ::close(file_);
}

Result<bool> PartFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t n = ::pwrite(file_, bytes.data(), bytes.size(), bytes_);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return disk_error(path_, "cannot be written", errno);
    bytes.remove_prefix(n);
    bytes_ += n;
  }
  return true;
}

bool PartFile::matches(int64_t at, std::string_view bytes) const {
  std::string there(bytes.size(), '\0');
  for (size_t done = 0; done < there.size();) {
    const ssize_t n =
        ::pread(file_, there.data() + done, there.size() - done, at + static_cast<int64_t>(done));
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return false;
    done += n;
  }
  return there == bytes;
}

Result<bool> PartFile::put(int64_t at, std::string_view bytes) {
  AUTARK_CHECK(at >= 0 && at <= bytes_);
  const auto there = static_cast<size_t>(std::min<int64_t>(bytes_ - at, bytes.size()));
  if (there > 0 && matches(at, bytes.substr(0, there))) {
    bytes.remove_prefix(there);
  } else if (there > 0) {
    AUTARK_TRY([[maybe_unused]] const bool cut_off, cut(at));
  }
  return append(bytes);
}

Result<bool> PartFile::cut(int64_t bytes) {
  if (::ftruncate(file_, bytes)) return disk_error(path_, "cannot be cut", errno);
  bytes_ = bytes;
  return true;
}

Result<bool> PartFile::sync() {
  if (::fsync(file_)) return disk_error(path_, "cannot be written", errno);
  return true;
}

Result<FolderLock> FolderLock::take(const std::filesystem::path& path, const std::function<void()>& on_wait) {
  AUTARK_TRY(const int file, open_to_write(path));
  FolderLock lock(file);
  if (::flock(file, LOCK_EX | LOCK_NB) == 0) return lock;
  if (errno == EWOULDBLOCK && on_wait) on_wait();
  while (::flock(file, LOCK_EX)) {
    if (errno != EINTR) return disk_error(path, "cannot be locked", errno);
  }
  return lock;
}

FolderLock::FolderLock(FolderLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}

FolderLock::~FolderLock() {
  if (file_ >= 0) ::close(file_);
}

Result<std::string> sha256_of(const std::filesystem::path& path,
                              const std::function<void(int64_t)>& on_bytes) {
  return digest_of(path, EVP_sha256(), "", on_bytes);
}

Result<std::string> git_blob_of(const std::filesystem::path& path) {
  std::error_code fault;
  const auto bytes = std::filesystem::file_size(path, fault);
  if (fault) return disk_error(path, "cannot be read", fault.value());
  return digest_of(path, EVP_sha1(), "blob " + std::to_string(bytes) + std::string(1, '\0'), nullptr);
}

}  // namespace autark::hub
