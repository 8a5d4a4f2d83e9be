// A team of threads that run the same function together and meet inside it. The caller is thread 0; the
// others are bound to one core each. Who waits spins for some microseconds, then sleeps, so that a machine
// with more work than cores does not stand still; between runs the team sleeps.
#pragma once
#include <atomic>
#include <cstdint>
#include <thread>
#include <vector>

namespace autark {

class Team {
 public:
  explicit Team(int threads);
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  int size() const { return threads_; }

  // Calls work(context, thread) on every thread; returns when all are done. One caller at a time.
  using Work = void (*)(void* context, int thread);
  void run(Work work, void* context);

  // Inside run(), on every thread: returns when all have come.
  void meet();

 private:
  class Gate {  // a counter that is waited on
   public:
    uint32_t now() const { return count_.load(std::memory_order_acquire); }
    void open();
    void wait_beyond(uint32_t seen);

   private:
    std::atomic<uint32_t> count_{0};
    std::atomic<int> sleepers_{0};
  };

  void serve(int thread, int core);

  const int threads_;
  alignas(64) Gate start_;
  alignas(64) Gate meeting_;
  alignas(64) std::atomic<int> arrived_{0};
  Work work_ = nullptr;
  void* context_ = nullptr;
  bool stop_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace autark
