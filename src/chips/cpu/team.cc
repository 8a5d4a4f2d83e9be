#include "chips/cpu/team.h"
#include <chrono>
#include "chips/cpu/topology.h"

namespace autark {
namespace {

constexpr auto kSpin = std::chrono::microseconds(50);
constexpr int kPausesBetweenLooks = 32;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// Waits until done() or until the spinning time is over; false in the latter case.
template <class Done>
bool spin(Done done) {
  const auto until = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < kPausesBetweenLooks; ++i) {
      if (done()) return true;
      pause();
    }
  } while (std::chrono::steady_clock::now() < until);
  return false;
}

bool reached(uint32_t count, uint32_t n) {
  return static_cast<int32_t>(count - n) >= 0;
}

}  // namespace

void Count::add(uint32_t n) {
  count_.fetch_add(n, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) > 0) count_.notify_all();
}

// The sequentially consistent operations ensure that add() sees the sleeper or the sleeper sees
// the new count.
void Count::wait_for(uint32_t n) {
  if (reached(now(), n) || spin([&] { return reached(now(), n); })) return;
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  for (uint32_t seen; !reached(seen = count_.load(std::memory_order_seq_cst), n);)
    count_.wait(seen, std::memory_order_seq_cst);
  sleepers_.fetch_sub(1, std::memory_order_seq_cst);
}

Team::Team(int threads) {
  const std::vector<int> cores = usable_cores();
  core_ = cores[0];
  for (int i = 1; i < threads; ++i)
    workers_.emplace_back([this, i, core = cores[i % cores.size()]] { serve(i, core); });
}

Team::~Team() {
  stop_ = true;
  started_.add(1);
  for (std::thread& t : workers_) t.join();
}

// kClosed and the number of workers share one atomic, so a late worker cannot enter after the
// caller has left.
void Team::run(Work work, void* context) {
  if (workers_.empty()) return work(context, 0);
  const BoundTo core(core_);
  work_ = work;
  context_ = context;
  inside_.fetch_and(~kClosed, std::memory_order_release);
  started_.add(1);
  work(context, 0);
  inside_.fetch_or(kClosed, std::memory_order_acq_rel);
  const auto empty = [this] { return inside_.load(std::memory_order_acquire) == kClosed; };
  while (!spin(empty)) std::this_thread::yield();  // a worker is leaving but has no core
}

void Team::serve(int thread, int core) {
  bind_to(core);
  for (uint32_t seen = 0;;) {
    started_.wait_for(seen + 1);
    seen = started_.now();
    if (stop_) return;
    if (!(inside_.fetch_add(1, std::memory_order_acq_rel) & kClosed)) work_(context_, thread);
    inside_.fetch_sub(1, std::memory_order_acq_rel);
  }
}

}  // namespace autark
