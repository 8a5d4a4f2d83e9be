// Detects that an open file was rewritten or truncated. Only the file's own size and modification time count:
// renaming another file over its path, deleting it, links and permissions are not changes.
//
// `touch` sets a new modification time without writing. The file still counts as unchanged if setting its
// times was the last operation on it and a sample of its pages, taken by the first changed(), is the same. A
// write that keeps the size and happens in the same clock tick (1 to 4 ms) as the open is not detected.
#pragma once
#include <sys/stat.h>
#include <cstdint>
#include <mutex>
#include <optional>

namespace autark {

class FileWatch {
 public:
  FileWatch(int fd, const struct stat& now);  // takes ownership of fd
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;

  // True once the file was changed, and from then on. Thread-safe; costs a system call.
  bool changed();

 private:
  bool same(const struct stat& now) const;
  bool only_touched(const struct stat& now) const;
  uint64_t sample() const;

  const int fd_;
  const int64_t size_;
  std::mutex mutex_;
  struct timespec written_;
  std::optional<uint64_t> sample_;
  bool changed_ = false;
};

}  // namespace autark
