// The handler walks the list of ranges without a lock, at any moment, so the list only grows and unused
// entries are reused. An entry whose version is odd or changes while it is read is skipped: it cannot be the
// faulting range, because a range stays listed until the access that faulted is over.
#include "base/mapping_guard.h"
#include <signal.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <cerrno>
#include <cstdint>
#include <mutex>
#include <utility>

namespace autark {

struct MappingGuard::Range {
  std::atomic<uint32_t> version{0};  // odd: being written
  std::atomic<uintptr_t> begin{0}, end{0};
  std::atomic<bool> marked{false};
  bool used = false;  // guarded by list_mutex
  Range* next = nullptr;

  void set(uintptr_t from, uintptr_t to) {
    ++version;
    begin = from, end = to;
    ++version;
  }
};

namespace {

using Range = MappingGuard::Range;

std::atomic<Range*> list{nullptr};
std::mutex list_mutex;  // held by threads that change the list
struct sigaction handler_before;
uintptr_t page_bytes;

struct Missing {  // the pages to replace after a fault
  Range* range = nullptr;
  uintptr_t from = 0, to = 0;
};

Missing missing_at(uintptr_t address) {
  for (Range* r = list.load(); r; r = r->next) {
    const uint32_t version = r->version.load();
    const uintptr_t begin = r->begin.load(), end = r->end.load();
    if (version % 2 || version != r->version.load()) continue;
    if (address >= begin && address < end) return {r, address / page_bytes * page_bytes, end};
  }
  return {};
}

// Maps zeros over the missing pages. They are never written, so they cost no memory. A direct system call,
// because sanitizers wrap mmap() with code that is not safe in a signal handler.
bool fill(const Missing& m) {
  const long at = ::syscall(SYS_mmap, m.from, m.to - m.from, PROT_READ,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED | MAP_NORESERVE, -1, 0);
  return at == long(m.from);
}

// Calls the previous handler. The default action follows when the instruction runs and faults again.
void pass_on(int signal, siginfo_t* about, void* context) {
  if (handler_before.sa_flags & SA_SIGINFO) return handler_before.sa_sigaction(signal, about, context);
  if (handler_before.sa_handler == SIG_DFL || handler_before.sa_handler == SIG_IGN) {
    ::sigaction(signal, &handler_before, nullptr);
    if (about->si_code <= 0) ::raise(signal);  // sent by kill() or raise(): no instruction will fault again
    return;
  }
  handler_before.sa_handler(signal);
}

void on_bus_error(int signal, siginfo_t* about, void* context) {
  const int before = errno;
  const Missing m = about->si_code > 0 ? missing_at(reinterpret_cast<uintptr_t>(about->si_addr)) : Missing{};
  if (m.range) m.range->marked = true;  // before another thread can read the zeros
  if (!m.range || !fill(m)) pass_on(signal, about, context);
  errno = before;
}

void install() {
  static std::once_flag once;
  std::call_once(once, [] {
    page_bytes = uintptr_t(::sysconf(_SC_PAGESIZE));
    struct sigaction ours = {};
    ours.sa_sigaction = on_bus_error;
    ours.sa_flags = SA_SIGINFO | SA_ONSTACK;
    sigemptyset(&ours.sa_mask);
    ::sigaction(SIGBUS, nullptr, &handler_before);
    ::sigaction(SIGBUS, &ours, nullptr);
  });
}

Range* free_range() {
  for (Range* r = list.load(); r; r = r->next)
    if (!r->used) return r;
  auto* r = new Range;  // never freed
  r->next = list.load();
  list = r;
  return r;
}

}  // namespace

MappingGuard::MappingGuard(std::span<const std::byte> mapped) {
  install();
  const std::lock_guard lock(list_mutex);
  range_ = free_range();
  range_->used = true;
  range_->marked = false;
  const auto begin = reinterpret_cast<uintptr_t>(mapped.data());
  range_->set(begin, (begin + mapped.size() + page_bytes - 1) / page_bytes * page_bytes);
}

MappingGuard::MappingGuard(MappingGuard&& other) noexcept : range_(std::exchange(other.range_, nullptr)) {}

MappingGuard& MappingGuard::operator=(MappingGuard&& other) noexcept {
  std::swap(range_, other.range_);
  return *this;
}

MappingGuard::~MappingGuard() {
  if (!range_) return;
  const std::lock_guard lock(list_mutex);
  range_->set(0, 0);
  range_->used = false;
}

bool MappingGuard::marked() const {
  return range_ && range_->marked;
}

}  // namespace autark
