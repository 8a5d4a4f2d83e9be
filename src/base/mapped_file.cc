#include "base/mapped_file.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <utility>

namespace autark {
namespace {

Error system_error(const std::filesystem::path& path, const char* what) {
  const Code code = errno == ENOENT ? Code::not_found : Code::io;
  return Error{code, path.string() + ": cannot " + what + ": " + std::strerror(errno)};
}

struct Descriptor {
  int fd;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
};

// A regular file's size; directories and devices are refused.
Result<size_t> size_of(int fd, const std::filesystem::path& path) {
  struct stat s;
  if (::fstat(fd, &s)) return system_error(path, "read");
  if (!S_ISREG(s.st_mode)) return Error{Code::invalid, path.string() + ": not a regular file"};
  return static_cast<size_t>(s.st_size);
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return system_error(path, "open");
  AUTARK_TRY(const size_t size, size_of(file.fd, path));
  if (size == 0) return MappedFile(path, nullptr, 0);
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.fd, 0);
  if (at == MAP_FAILED) return system_error(path, "map");
  return MappedFile(path, static_cast<const std::byte*>(at), size);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      at_(std::exchange(other.at_, nullptr)),
      size_(std::exchange(other.size_, 0)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(at_, other.at_);
  std::swap(size_, other.size_);
  return *this;
}

MappedFile::~MappedFile() {
  if (at_) ::munmap(const_cast<std::byte*>(at_), size_);
}

Result<std::string> read_file(const std::filesystem::path& path, size_t bytes_max) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC)};
  if (file.fd < 0) return system_error(path, "open");
  AUTARK_TRY(const size_t size, size_of(file.fd, path));
  if (size > bytes_max)
    return Error{Code::invalid, path.string() + " has " + std::to_string(size) + " bytes, at most " +
                                    std::to_string(bytes_max) + " are expected here"};
  std::string text(size, '\0');
  for (size_t at = 0; at < size;) {
    const ssize_t n = ::read(file.fd, text.data() + at, size - at);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return system_error(path, "read");
    at += n;
  }
  return text;
}

}  // namespace autark
