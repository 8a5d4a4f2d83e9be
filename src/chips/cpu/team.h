// A team of threads for one caller. run() calls the same function on the caller (thread 0) and on every
// worker that comes in time; nobody waits for a worker that does not, so that a machine with more work than
// cores slows down but never stands still. Each thread is bound to one core while it works. Who waits spins
// for some microseconds, then sleeps; between runs the workers sleep.
#pragma once
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace autark {

// A count that only grows (and may wrap), and can be waited for.
class Count {
 public:
  uint32_t now() const { return count_.load(std::memory_order_acquire); }
  void add(uint32_t n);
  void wait_for(uint32_t n);                                    // until the count has come to n
  void reset() { count_.store(0, std::memory_order_relaxed); }  // nobody waits, nobody adds

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

  // Calls work(context, 0) here and work(context, i) on the workers that come before it returns; returns when
  // no one is inside. `work` must come to its end without workers. One caller at a time.
  using Work = void (*)(void* context, int thread);
  void run(Work work, void* context);

 private:
  void serve(int thread, int core);

  static constexpr uint32_t kClosed = 1u << 31;
  Count started_;                                      // runs so far
  alignas(64) std::atomic<uint32_t> inside_{kClosed};  // workers at work, and whether more may come
  Work work_ = nullptr;
  void* context_ = nullptr;
  std::atomic<bool> stop_{false};
  int core_ = 0;  // of the caller
  std::vector<std::thread> workers_;
};

}  // namespace autark
