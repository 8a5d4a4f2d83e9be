// The answers that are computed without a client: the exchanges that write them and the recordings of their
// streams. Those that have ended are kept until newer ones need their place. Thread-safe.
#pragma once
#include <deque>
#include <mutex>
#include <optional>
#include "serve/exchange.h"
#include "serve/recording.h"

namespace autark::serve {

class BackgroundAnswers {
 public:
  static constexpr size_t kAnswersMax = 64;

  struct Answer {
    std::string id;  // of the response
    std::shared_ptr<Exchange> exchange;
    std::shared_ptr<Recording> recording;
    Json queued;  // the response object before it has begun
  };

  // Adds an answer in the place of the oldest one that has ended. False if none has and there is no place.
  bool add(Answer answer);
  std::optional<Answer> find(const std::string& id) const;
  void forget(const std::string& id);

 private:
  mutable std::mutex mutex_;
  std::deque<Answer> answers_;  // oldest first
};

}  // namespace autark::serve
