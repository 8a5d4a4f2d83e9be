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

[[gnu::noinline]] void wipe_stack() {
  char below[32 << 10];
  ::explicit_bzero(below, sizeof below);
}

}  // namespace autark::platform

#if !AUTARK_SANITIZED

namespace {

// Larger ones are mappings of their own, which the kernel takes back at once.
constexpr size_t kWipedMax = size_t{32} << 20;

bool wipes_now() {
  return autark::platform::wipes.load(std::memory_order_relaxed);
}

void wipe(void* memory, size_t size) {
  if (size <= kWipedMax) ::explicit_bzero(memory, size);
}

}  // namespace

// The operators of the whole program; those of arrays and without exceptions call these by default, aligned ones do not.
void* operator new(size_t size) {
  if (void* memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  if (memory && wipes_now()) wipe(memory, ::malloc_usable_size(memory));
  std::free(memory);
}
void operator delete(void* memory, size_t size) noexcept {
  if (memory && wipes_now()) wipe(memory, size);
  std::free(memory);
}

#endif
