#include "base/mapped_pages.h"
#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <array>
#include <cstdint>
#include <fstream>
#include <string>

namespace autark {
namespace {

// The ioctl PAGEMAP_SCAN of /proc/self/pagemap. Headers before Linux 6.7 lack it.
struct ScannedRange {
  uint64_t begin, end, categories;
};
struct Scan {
  uint64_t size, flags, begin, end, walk_end, ranges, ranges_size, pages_max;
  uint64_t category_inverted, category_mask, category_any_of_mask, return_mask;
};
constexpr unsigned long kScan = _IOWR('f', 16, Scan);
constexpr uint64_t kIsHuge = 1 << 6;

// Bytes of [begin, end) in large pages.
uint64_t large_bytes(int pagemap, uint64_t begin, uint64_t end) {
  std::array<ScannedRange, 64> found;
  uint64_t all = 0;
  while (begin < end) {
    Scan scan{.size = sizeof scan, .begin = begin, .end = end};
    scan.ranges = reinterpret_cast<uint64_t>(found.data());
    scan.ranges_size = found.size();
    scan.category_mask = scan.return_mask = kIsHuge;
    const int n = ::ioctl(pagemap, kScan, &scan);
    if (n < 0 || scan.walk_end <= begin) return all;
    for (int i = 0; i < n; ++i) all += found[i].end - found[i].begin;
    begin = scan.walk_end;
  }
  return all;
}

}  // namespace

void ask_for_large_pages(std::span<const std::byte> mapped) {
#if defined(MADV_HUGEPAGE)
  ::madvise(const_cast<std::byte*>(mapped.data()), mapped.size(), MADV_HUGEPAGE);
#endif
}

bool lies_in_large_pages(std::span<const std::byte> range) {
  const int pagemap = ::open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
  if (pagemap < 0) return false;
  const auto page = static_cast<uint64_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uint64_t>(range.data()) / page * page;
  const auto end = (reinterpret_cast<uint64_t>(range.data()) + range.size() + page - 1) / page * page;
  const uint64_t large = large_bytes(pagemap, begin, end);
  ::close(pagemap);
  return large >= (end - begin) / 4 * 3;
}

void forget_pages(std::span<const std::byte> part) {
  static const auto page = static_cast<uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = reinterpret_cast<uintptr_t>(part.data()), end = begin + part.size();
  const uintptr_t first = (begin + page - 1) / page * page, last = end / page * page;
  if (first < last) ::madvise(reinterpret_cast<void*>(first), last - first, MADV_DONTNEED);
}

bool memory_has_large_pages() {
  std::ifstream file("/sys/kernel/mm/transparent_hugepage/enabled");
  std::string line;
  return std::getline(file, line) && line.find("[never]") == std::string::npos;
}

}  // namespace autark
