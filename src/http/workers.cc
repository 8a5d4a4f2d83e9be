#include "http/workers.h"
#include <algorithm>

namespace autark::http {

Workers::Workers(const Limits& limits) : limits_(limits) {
  for (int i = 0; i < std::max(1, limits.threads); ++i) threads_.emplace_back([this] { work(); });
}

Workers::~Workers() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  for (std::thread& t : threads_) t.join();
}

bool Workers::post(size_t bytes, std::function<void()> job) {
  {
    const std::lock_guard lock(mutex_);
    if (stopping_ || queue_.size() >= limits_.jobs || (bytes_ > 0 && bytes_ + bytes > limits_.bytes))
      return false;
    bytes_ += bytes;
    queue_.push_back({bytes, std::move(job)});
  }
  wake_.notify_one();
  return true;
}

void Workers::work() {
  std::unique_lock lock(mutex_);
  while (true) {
    wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Job job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    job.run();
    job.run = nullptr;  // free the memory of the job before its bytes are subtracted
    lock.lock();
    bytes_ -= job.bytes;
  }
}

}  // namespace autark::http
