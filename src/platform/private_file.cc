#include "platform/private_file.h"
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <fstream>

namespace autark::platform {
namespace {

Error fault(const std::filesystem::path& file, const std::string& what) {
  return {Code::io, file.string() + " " + what + ": " + std::strerror(errno)};
}

}  // namespace

std::optional<Error> write_private(const std::filesystem::path& file, std::string_view text) {
  const int fd = ::open(file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) return fault(file, "cannot be created");
  size_t at = 0;
  while (at < text.size()) {
    const ssize_t count = ::write(fd, text.data() + at, text.size() - at);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    at += size_t(count);
  }
  const bool done = at == text.size() && ::fsync(fd) == 0;
  const auto failed = done ? std::nullopt : std::optional(fault(file, "cannot be written"));
  ::close(fd);
  if (failed) ::unlink(file.c_str());
  return failed;
}

Result<std::string> read_bounded(const std::filesystem::path& file, size_t bytes_max) {
  errno = 0;
  std::ifstream in(file, std::ios::binary);
  if (!in) return fault(file, "cannot be read");
  std::string text(bytes_max + 1, '\0');
  in.read(text.data(), std::streamsize(text.size()));
  if (in.bad()) return fault(file, "cannot be read");
  text.resize(size_t(in.gcount()));
  if (text.size() > bytes_max)
    return Error{Code::invalid, file.string() + " is longer than " + std::to_string(bytes_max) + " bytes"};
  return text;
}

Result<Others> open_to_others(const std::filesystem::path& path) {
  struct stat is {};
  if (::stat(path.c_str(), &is) != 0) return fault(path, "cannot be looked at");
  if ((is.st_mode & 022) != 0) return Others::write;
  return (is.st_mode & 044) != 0 ? Others::read : Others::none;
}

}  // namespace autark::platform
