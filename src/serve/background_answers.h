// The answers that are computed without a client: the exchanges that write them and the recordings of their
// streams. Those that have ended are kept, bounded, until newer ones need their place; after that the store
// has them. With several owners each has a share, of the answers under way (store/share.h) and of what is kept: it is the
// owner with the most that loses its oldest. Thread-safe.
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
  static constexpr size_t kEndedBytesMax = size_t{32} << 20;  // of the recordings of ended answers

  struct Answer {
    std::string id, owner;  // the id of the response; only its owner finds it
    std::shared_ptr<Exchange> exchange;
    std::shared_ptr<Recording> recording;
    Json queued;  // the response object before it has begun
  };

  // `shared`: among several owners, of which none may have all places.
  explicit BackgroundAnswers(bool shared = false) : shared_(shared) {}

  // Adds an answer, if all places are taken in that of one that has ended. False if none has, or if its owner has its
  // share under way.
  bool add(Answer answer);
  std::optional<Answer> find(const std::string& id, const std::string& owner) const;
  // REQUIRES: find() has found it for its owner.
  void forget(const std::string& id);
  // Removes the oldest of those that have ended until the rest is within kEndedBytesMax.
  void tidy();

 private:
  // These REQUIRE that mutex_ is held.
  bool has_share(const std::string& owner) const;
  bool remove_one_ended();

  const bool shared_;
  mutable std::mutex mutex_;
  std::deque<Answer> answers_;  // oldest first
};

}  // namespace autark::serve
