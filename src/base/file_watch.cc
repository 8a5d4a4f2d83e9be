#include "base/file_watch.h"
#include <unistd.h>
#include <algorithm>
#include <array>
#include <string_view>
#include "base/fnv.h"

namespace autark {
namespace {

constexpr int64_t kPages = 8, kPageBytes = 4096;

bool equal(const timespec& a, const timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

}  // namespace

FileWatch::FileWatch(int fd, const struct stat& now) : fd_(fd), size_(now.st_size), written_(now.st_mtim) {}

FileWatch::~FileWatch() {
  ::close(fd_);
}

bool FileWatch::changed() {
  const std::lock_guard lock(mutex_);
  struct stat now;
  if (changed_ || ::fstat(fd_, &now)) return changed_ = true;
  if (same(now) && sample_) return false;
  if (!same(now) && !only_touched(now)) return changed_ = true;
  sample_ = sample();
  const timespec written = now.st_mtim;
  if (::fstat(fd_, &now) || now.st_size != size_ || !equal(now.st_mtim, written)) return changed_ = true;
  written_ = written;
  return false;
}

bool FileWatch::same(const struct stat& now) const {
  return now.st_size == size_ && equal(now.st_mtim, written_);
}

// A write sets only the modification time; `touch` sets the access time to the same value.
bool FileWatch::only_touched(const struct stat& now) const {
  return now.st_size == size_ && equal(now.st_mtim, now.st_atim) && sample_ && sample() == *sample_;
}

// A hash of kPages pages, spread evenly from the first to the last.
uint64_t FileWatch::sample() const {
  std::array<char, kPageBytes> page;
  uint64_t all = 0;
  for (int64_t i = 0; i < kPages; ++i) {
    const int64_t at = std::max<int64_t>(0, size_ - kPageBytes) / (kPages - 1) * i;
    const ssize_t n = ::pread(fd_, page.data(), page.size(), at);
    all = all * 31 + fnv1a(std::string_view(page.data(), size_t(std::max<ssize_t>(n, 0))));
  }
  return all;
}

}  // namespace autark
