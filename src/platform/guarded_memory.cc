#include "platform/guarded_memory.h"
#include <malloc.h>
#include <string.h>
#include <sys/prctl.h>
#include <atomic>
#include <cstdlib>
#include <new>
#include "base/sanitized.h"

namespace autark::platform {
namespace {

std::atomic<bool> wipes = false;

}  // namespace

void guard_memory() {
  ::prctl(PR_SET_DUMPABLE, 0);
  wipes = true;
}

}  // namespace autark::platform

#if !AUTARK_SANITIZED

namespace {

// Larger ones are mappings of their own, which the kernel takes back at once.
constexpr size_t kWipedMax = size_t{32} << 20;

void give_back(void* memory) {
  if (memory && autark::platform::wipes.load(std::memory_order_relaxed)) {
    const size_t size = ::malloc_usable_size(memory);
    if (size <= kWipedMax) ::explicit_bzero(memory, size);
  }
  std::free(memory);
}

}  // namespace

// The operators of the whole program; those of arrays and without exceptions call these two by default, aligned ones do not.
void* operator new(size_t size) {
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  give_back(memory);
}
void operator delete(void* memory, size_t) noexcept {
  give_back(memory);
}

#endif
