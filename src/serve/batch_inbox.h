// Where answers to requests of batches wait for the thread that keeps them. Outlives the runner, because requests end
// when they end. Thread-safe; only wait() blocks.
#pragma once
#include <chrono>
#include <condition_variable>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace autark::serve {

// How a request ended.
struct BatchOutcome {
  int status = 0;          // HTTP; 0: cancelled
  std::string request_id;  // "req_…"
  std::string body;        // JSON text of one line
};

class BatchInbox {
 public:
  struct Answer {
    std::string batch, custom_id;
    BatchOutcome outcome;
  };

  void add(Answer answer) {
    const std::lock_guard lock(mutex_);
    answers_.push_back(std::move(answer));
    wake_.notify_all();
  }
  std::vector<Answer> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(answers_, {});
  }
  void wake() {
    const std::lock_guard lock(mutex_);
    woken_ = true;
    wake_.notify_all();
  }
  void stop() {
    const std::lock_guard lock(mutex_);
    stopped_ = true;
    wake_.notify_all();
  }
  bool stopped() const {
    const std::lock_guard lock(mutex_);
    return stopped_;
  }
  // Returns after an answer, after wake() or stop(), or when the time is over.
  void wait(std::chrono::milliseconds most) {
    std::unique_lock lock(mutex_);
    wake_.wait_for(lock, most, [this] { return stopped_ || woken_ || !answers_.empty(); });
    woken_ = false;
  }

 private:
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<Answer> answers_;
  bool woken_ = false, stopped_ = false;
};

}  // namespace autark::serve
