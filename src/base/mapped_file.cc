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
  int release() { return std::exchange(fd, -1); }
};

// The status of a regular file; an error for directories and devices.
Result<struct stat> status_of(int fd, const std::filesystem::path& path) {
  struct stat s;
  if (::fstat(fd, &s)) return system_error(path, "read");
  if (!S_ISREG(s.st_mode)) return Error{Code::invalid, path.string() + ": not a regular file"};
  return s;
}

}  // namespace

Result<MappedFile> MappedFile::open(const std::filesystem::path& path) {
  Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) return system_error(path, "open");
  AUTARK_TRY(const struct stat now, status_of(file.fd, path));
  const auto size = static_cast<size_t>(now.st_size);
  if (size == 0) return MappedFile(path, {}, nullptr, 0);
  void* at = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file.fd, 0);
  if (at == MAP_FAILED) return system_error(path, "map");
  return MappedFile(path, {static_cast<const std::byte*>(at), size},
                    std::make_unique<FileWatch>(file.release(), now),
                    now.st_mtim.tv_sec * int64_t{1'000'000'000} + now.st_mtim.tv_nsec);
}

MappedFile::MappedFile(std::filesystem::path path, std::span<const std::byte> bytes,
                       std::unique_ptr<FileWatch> watch, int64_t written_ns)
    : path_(std::move(path)), bytes_(bytes), written_ns_(written_ns), watch_(std::move(watch)) {
  if (!bytes.empty()) guard_ = MappingGuard(bytes);
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)),
      bytes_(std::exchange(other.bytes_, {})),
      written_ns_(other.written_ns_),
      watch_(std::move(other.watch_)),
      guard_(std::move(other.guard_)) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(bytes_, other.bytes_);
  std::swap(written_ns_, other.written_ns_);
  std::swap(watch_, other.watch_);
  std::swap(guard_, other.guard_);
  return *this;
}

MappedFile::~MappedFile() {
  guard_ = {};  // before munmap: the address range may be mapped again at once
  if (!bytes_.empty()) ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
}

std::optional<Error> MappedFile::change() const {
  if (!watch_ || (!guard_.marked() && !watch_->changed())) return {};
  return Error{
      Code::io,
      "the file '" + path_.filename().string() +
          "' was truncated or overwritten while it was in use, or cannot be read any "
          "more; put the whole file back and start the program again (a new one is best renamed over "
          "the old)"};
}

Result<std::string> read_file(const std::filesystem::path& path, size_t bytes_max) {
  const Descriptor file{::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)};
  if (file.fd < 0) return system_error(path, "open");
  AUTARK_TRY(const struct stat now, status_of(file.fd, path));
  const auto size = static_cast<size_t>(now.st_size);
  if (size > bytes_max)
    return Error{Code::invalid, path.string() + " has " + std::to_string(size) + " bytes, at most " +
                                    std::to_string(bytes_max) + " are expected here"};
  std::string text(size, '\0');
  for (size_t at = 0; at < size;) {
    const ssize_t n = ::read(file.fd, text.data() + at, size - at);
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return system_error(path, "read");
    if (n == 0) return Error{Code::io, path.string() + ": became shorter while it was read; try again"};
    at += n;
  }
  return text;
}

}  // namespace autark
