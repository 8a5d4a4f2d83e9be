// A request whose submission may not have been made yet, because its structure is being compiled: it can be
// cancelled, and asked for its place in the queue, at any time. Thread-safe.
#pragma once
#include <memory>
#include <mutex>
#include <optional>
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
    {
      const std::lock_guard lock(mutex_);
      cancelled_ = true;
    }
    if (const auto s = submission()) s->cancel();
  }
  // Unset also while its structure is being compiled.
  std::optional<api::QueuePlace> place() const {
    const auto s = submission();
    return s ? s->place() : std::nullopt;
  }

 private:
  std::shared_ptr<Submission> submission() const {
    const std::lock_guard lock(mutex_);
    return submission_.lock();
  }

  mutable std::mutex mutex_;
  bool cancelled_ = false;
  std::weak_ptr<Submission> submission_;  // the engine's sinks own it
};

}  // namespace autark::serve
