#include "chips/far/closed_pages.h"
#include <sys/mman.h>
#include <unistd.h>
#include <algorithm>
#include "base/check.h"

namespace autark {

ClosedPages::ClosedPages(int64_t bytes) : bytes_(std::max<int64_t>(bytes, 1)) {
  void* at = mmap(nullptr, bytes_, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  AUTARK_CHECK(at != MAP_FAILED);  // out of memory
  data_ = static_cast<std::byte*>(at);
}

ClosedPages::~ClosedPages() {
  munmap(data_, bytes_);
}

void ClosedPages::empty() {
  madvise(data_, bytes_, MADV_DONTNEED);
}

void ClosedPages::allow(Access what, const std::byte* begin, int64_t bytes) {
  AUTARK_CHECK(holds(begin, bytes));
  static const int64_t kPage = sysconf(_SC_PAGESIZE);
  constexpr int kProtection[] = {PROT_NONE, PROT_READ, PROT_READ | PROT_WRITE};
  const int64_t from = (begin - data_) / kPage * kPage, end = begin - data_ + bytes;
  AUTARK_CHECK(mprotect(data_ + from, end - from, kProtection[int(what)]) == 0);
}

}  // namespace autark
