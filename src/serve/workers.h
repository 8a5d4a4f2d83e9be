// A few threads that prepare requests (JSON, template, tokens), so that neither the event loop nor other
// clients wait for a long prompt. The queue is bounded by jobs and by the bytes they hold.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace autark::serve {

class Workers {
 public:
  struct Limits {
    int threads = 2;
    size_t jobs = 512, bytes = size_t{256} << 20;
  };
  explicit Workers(const Limits& limits);
  ~Workers();  // runs what is queued, then joins

  // False: the queue is full and the job was not taken. A job must not throw.
  bool post(size_t bytes, std::function<void()> job);

 private:
  struct Job {
    size_t bytes;
    std::function<void()> run;
  };
  void work();

  const Limits limits_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Job> queue_;
  size_t bytes_ = 0;  // of queued and running jobs
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace autark::serve
