// Answers of requests with an Idempotency-Key, so that a client that repeats a request gets the answer of the
// first one and nothing is computed twice. Thread-safe.
//
//   same key, same request    the kept answer, a stream with all its events; while it is made: 409, retry-after
//   same key, other request   409, which no client repeats
//
// Only answers with status 2xx that the client could get whole are kept, for 24 hours, bounded: the oldest answer of the
// owner that has the most goes first, so that no owner loses its own to another that has more. An answer larger than
// kAnswerBytesMax is not kept.
#pragma once
#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include "api/item.h"
#include "http/stream.h"

namespace autark::serve {

class Idempotency : public std::enable_shared_from_this<Idempotency> {
 public:
  static constexpr size_t kKeyBytesMax = 255, kAnswerBytesMax = size_t{2} << 20;
  static constexpr std::chrono::hours kKept{24};
  struct Limits {
    size_t answers = 4096, bytes = size_t{64} << 20;
  };
  using Time = std::chrono::steady_clock::time_point;

  Idempotency() : Idempotency(Limits{}) {}
  explicit Idempotency(Limits limits) : limits_(limits) {}

  // The key counts for its owner only. A request without the header is let through. Else `stream` becomes one that
  // keeps a copy of the answer, or is null if the request was answered here. A fault must be answered by the caller.
  std::optional<api::ApiError> admit(const http::Request& request, const std::string& owner, Time now,
                                     http::StreamPtr& stream);

 private:
  class Copy;
  struct Kept {
    std::string sum;  // of the request
    Time begun;
    bool whole = false;  // false: under way
    http::Response answer;
    std::string owner;
    std::list<std::string>::iterator age, own_age;  // in ages_ and in that of the owner, once it is whole
  };
  struct Owned {
    std::list<std::string> ages;  // keys of whole answers, oldest first
    size_t bytes = 0;
  };
  void keep(const std::string& key, http::Response answer);
  void forget(const std::string& key);
  // These REQUIRE that mutex_ is held.
  void remove(const std::string& key);
  void make_room(Time now);
  std::string oldest_of_largest() const;

  const Limits limits_;
  std::mutex mutex_;
  std::map<std::string, Kept> kept_;
  std::list<std::string> ages_;  // keys of whole answers, oldest first
  std::map<std::string, Owned> owners_;
  size_t bytes_ = 0;  // of whole answers
};

}  // namespace autark::serve
