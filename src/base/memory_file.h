// For fuzz targets and tests: bytes in memory that can be opened by a path.
#pragma once
#include <sys/mman.h>
#include <unistd.h>
#include <filesystem>
#include <span>
#include <string>
#include "base/check.h"

namespace autark {

class MemoryFile {
 public:
  explicit MemoryFile(std::span<const char> bytes) : fd_(::memfd_create("bytes", MFD_CLOEXEC)) {
    AUTARK_CHECK(fd_ >= 0 && ::write(fd_, bytes.data(), bytes.size()) == std::ssize(bytes));
  }
  ~MemoryFile() { ::close(fd_); }
  MemoryFile(const MemoryFile&) = delete;
  MemoryFile& operator=(const MemoryFile&) = delete;
  std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(fd_); }

 private:
  int fd_;
};

}  // namespace autark
