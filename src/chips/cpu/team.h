// A team of threads for one caller. run() calls the same function on the caller (thread 0) and on every
// worker that arrives in time. It does not wait for a worker that has not started, so a machine with more
// work than cores slows down but does not stall. Each thread is bound to one core while it works. Waiting
// threads spin for some microseconds, then sleep; workers sleep between runs.
#pragma once
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace autark {

// A counter that only grows (and may wrap around), with waiting.
class Count {
 public:
  uint32_t now() const { return count_.load(std::memory_order_acquire); }
  void add(uint32_t n);
  void wait_for(uint32_t n);                                    // until the count reaches n
  void reset() { count_.store(0, std::memory_order_relaxed); }  // REQUIRES: no other thread uses it

 private:
  alignas(64) std::atomic<uint32_t> count_{0};
  std::atomic<int> sleepers_{0};
};

class Team {
 public:
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return static_cast<int>(workers_.size()) + 1; }

  // Calls work(context, 0) on the caller and work(context, i) on the workers that arrive before that
  // returns. Returns when no worker is inside `work`, which must be able to finish without workers. One
  // caller at a time.
  using Work = void (*)(void* context, int thread);
  void run(Work work, void* context);

 private:
  void serve(int thread, int core);

  static constexpr uint32_t kClosed = 1u << 31;
  Count started_;                                      // number of runs so far
  alignas(64) std::atomic<uint32_t> inside_{kClosed};  // workers inside, kClosed: no more may enter
  Work work_ = nullptr;
  void* context_ = nullptr;
  std::atomic<bool> stop_{false};
  int core_ = 0;  // of the caller
  std::vector<std::thread> workers_;
};

}  // namespace autark
