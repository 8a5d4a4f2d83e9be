#include "chips/cpu/memory.h"
#include <sys/mman.h>
#include <unistd.h>
#include <algorithm>
#include "base/check.h"

namespace autark {

Pages::Pages(int64_t bytes) : bytes_(bytes) {
  constexpr int64_t kLarge = 2 << 20;
  const int64_t page = sysconf(_SC_PAGESIZE), room = (bytes + page - 1) / page * page;
  const int64_t spare = bytes >= kLarge ? kLarge : 0;  // to align the first byte to a large page
  void* p = mmap(nullptr, room + spare, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  AUTARK_CHECK(p != MAP_FAILED);  // out of memory
  data_ = static_cast<std::byte*>(p);
  if (!spare) return;
  const int64_t before = -reinterpret_cast<intptr_t>(p) & (kLarge - 1);
  if (before > 0) munmap(data_, before);
  data_ += before;
  if (spare > before) munmap(data_ + room, spare - before);
#if defined(MADV_HUGEPAGE)
  madvise(data_, room, MADV_HUGEPAGE);
#endif
}

Pages::~Pages() {
  if (data_) munmap(data_, bytes_);
}

void* Arena::take(int64_t bytes) {
  bytes = (bytes + 63) / 64 * 64;
  while (at_ < chunks_.size() && used_ + bytes > chunks_[at_].bytes()) {
    ++at_;
    used_ = 0;
  }
  if (at_ == chunks_.size()) {
    int64_t all = 1 << 20;
    for (const Pages& c : chunks_) all += c.bytes();
    chunks_.emplace_back(std::max(bytes, all));  // at least doubles the total
  }
  void* p = chunks_[at_].data() + used_;
  used_ += bytes;
  return p;
}

}  // namespace autark
