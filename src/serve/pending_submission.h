// A request whose submission may not have been made yet, because its structure is being compiled: it can be
// cancelled at any time. Thread-safe.
#pragma once
#include <memory>
#include <mutex>
#include "serve/submission.h"

namespace autark::serve {

class PendingSubmission {
 public:
  // Call once it was submitted. If cancel() came before, it is cancelled now.
  void made(const std::shared_ptr<Submission>& submission) {
    {
      const std::lock_guard lock(mutex_);
      submission_ = submission;
      if (!cancelled_) return;
    }
    submission->cancel();
  }
  void cancel() {
    std::shared_ptr<Submission> submission;
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
      submission = submission_.lock();
    }
    if (submission) submission->cancel();
  }

 private:
  std::mutex mutex_;
  bool cancelled_ = false;
  std::weak_ptr<Submission> submission_;  // the engine's sinks own it
};

}  // namespace autark::serve
