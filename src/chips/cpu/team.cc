#include "chips/cpu/team.h"
#include <chrono>
#include "chips/cpu/topology.h"

namespace autark {
namespace {

constexpr auto kSpin = std::chrono::microseconds(50);
constexpr int kPausesBetweenLooks = 64;

inline void pause() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace

void Team::Gate::open() {
  count_.fetch_add(1, std::memory_order_seq_cst);
  if (sleepers_.load(std::memory_order_seq_cst) > 0) count_.notify_all();
}

void Team::Gate::wait_beyond(uint32_t seen) {
  const auto until = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < kPausesBetweenLooks; ++i) {
      if (now() != seen) return;
      pause();
    }
  } while (std::chrono::steady_clock::now() < until);
  sleepers_.fetch_add(1, std::memory_order_seq_cst);
  while (now() == seen) count_.wait(seen, std::memory_order_seq_cst);
  sleepers_.fetch_sub(1, std::memory_order_seq_cst);
}

Team::Team(int threads) : threads_(threads) {
  const std::vector<int> cores = usable_cores();
  for (int i = 1; i < threads; ++i)
    workers_.emplace_back([this, i, core = cores[i % cores.size()]] { serve(i, core); });
}

Team::~Team() {
  stop_ = true;
  start_.open();
  for (std::thread& t : workers_) t.join();
}

void Team::run(Work work, void* context) {
  if (threads_ == 1) return work(context, 0);
  work_ = work;
  context_ = context;
  start_.open();
  work(context, 0);
  meet();
}

void Team::meet() {
  if (threads_ == 1) return;
  const uint32_t seen = meeting_.now();
  if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 < threads_) return meeting_.wait_beyond(seen);
  arrived_.store(0, std::memory_order_relaxed);
  meeting_.open();
}

void Team::serve(int thread, int core) {
  bind_to(core);
  for (uint32_t seen = 0;; ++seen) {
    start_.wait_beyond(seen);
    if (stop_) return;
    work_(context_, thread);
    meet();
  }
}

}  // namespace autark
