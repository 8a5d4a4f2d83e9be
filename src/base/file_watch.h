// Whether an open file is still what it was: its own size and time of writing, whatever has become of its
// path. Another file that was renamed over it, its deletion, links and modes are none of its business.
//
// A file whose times were only set (`touch`) has another time of writing, too. It passes as unchanged when
// setting its times was the last thing done to it and a few pages, looked at by the first changed(), are the
// same. A write that leaves the size and falls into the clock tick (1 to 4 ms) of the open is not seen.
#pragma once
#include <sys/stat.h>
#include <cstdint>
#include <mutex>
#include <optional>

namespace autark {

class FileWatch {
 public:
  FileWatch(int fd, const struct stat& now);  // takes the descriptor
  ~FileWatch();
  FileWatch(const FileWatch&) = delete;

  bool changed();  // once true, always. From any thread; a system call

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
