#include "chips/cpu/memory.h"
#include <sys/mman.h>
#include <algorithm>
#include "base/check.h"

namespace autark {

Pages::Pages(int64_t bytes) : bytes_(bytes) {
  constexpr int64_t kLarge = 2 << 20;
  void* p = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  AUTARK_CHECK(p != MAP_FAILED);  // no memory for weights or activations
#if defined(MADV_HUGEPAGE)
  if (bytes >= kLarge) madvise(p, bytes, MADV_HUGEPAGE);
#endif
  data_ = static_cast<std::byte*>(p);
}

Pages::~Pages() {
  if (data_) munmap(data_, bytes_);
}

void* Arena::take(int64_t bytes) {
  bytes = (bytes + 63) / 64 * 64;
  if (chunks_.empty() || used_ + bytes > chunks_.back().bytes()) {
    int64_t all = 1 << 20;
    for (const Pages& c : chunks_) all += c.bytes();
    chunks_.emplace_back(std::max(bytes, all));  // doubles
    used_ = 0;
  }
  void* p = chunks_.back().data() + used_;
  used_ += bytes;
  return p;
}

void Arena::reset() {
  if (chunks_.size() > 1) {  // one chunk as large as all
    int64_t all = 0;
    for (const Pages& c : chunks_) all += c.bytes();
    chunks_.clear();
    chunks_.emplace_back(all);
  }
  used_ = 0;
}

}  // namespace autark
