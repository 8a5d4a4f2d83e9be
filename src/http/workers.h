// Threads that do what would block (JSON, templates, databases), so that the event loop never waits for a long
// request. The queue is bounded by the number of jobs and by the bytes they hold. Thread-safe.
#pragma once
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace autark::http {

class Workers {
 public:
  struct Limits {
    int threads = 2;  // at least 1
    // Jobs that wait: as many clients may send at the same moment. Bytes of waiting and running jobs.
    size_t jobs = 4096, bytes = size_t{256} << 20;
  };
  explicit Workers(const Limits& limits);
  ~Workers();  // runs the queued jobs, then joins the threads

  // Queues a job that holds `bytes`. Returns false if a limit is reached. A job larger than the limit of
  // bytes is taken while there is no other. A job must not throw.
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

}  // namespace autark::http
