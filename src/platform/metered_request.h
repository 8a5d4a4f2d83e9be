// One admitted request on its way through a backend: counts what it delivers, and holds its last event until the charge
// is durable. Booked is what the answer's usage says, and of an answer that was cut what was delivered:
//
//   no Started yet           nothing is booked, all room is given back: the request was refused
//   a fault before a token   a charge of 0 tokens
//   cancelled                the prompt, and the tokens up to the cancellation
//   refused by a budget      a charge of 0 tokens, "refused": at most one a second for a key
#pragma once
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <mutex>
#include "api/backend.h"
#include "api/tally.h"
#include "platform/bookkeeper.h"
#include "platform/limits.h"

namespace autark::platform {

// Counts charges that are being settled. Thread-safe.
class Settling {
 public:
  void begin();
  void end();
  void wait();  // until there are none

 private:
  std::mutex mutex_;
  std::condition_variable none_;
  int open_ = 0;
};

// What the requests of one backend share.
struct MeteringParts {
  std::shared_ptr<Bookkeeper> books;
  Clock clock;
  std::shared_ptr<Settling> settling = std::make_shared<Settling>();
};

// By the classes of a price, as `usage` tells them: tokens that are kept because the client asked are a cache write.
Tokens tokens_of(const api::Usage& usage);

// Events come one after the other, cancel() on any thread. The sink of the backend owns it: if it is dropped without an end,
// the request counts as cancelled.
class MeteredRequest {
 public:
  struct Terms {
    Charge charge;
    int choices = 1, n = 1;  // see api::Tally
    std::unique_ptr<Limits::Reservation> reservation;
    api::Backend::Sink sink;
  };
  MeteredRequest(MeteringParts parts, Terms terms);
  ~MeteredRequest();
  void on_event(api::Event&& event);
  // What comes later is not delivered and does not count.
  void cancel();

 private:
  static constexpr int kNoteEvents = 64;
  static constexpr std::chrono::milliseconds kNoteEvery{200};

  void count(api::Event& event);
  void start(api::Event::Started& started);
  void note();
  bool is_last(const api::Event& event) const;
  std::string outcome_of(const api::Event& last) const;
  // The charge is complete; null if nothing is to be booked.
  struct Ending;
  std::shared_ptr<Ending> end(std::string outcome, std::optional<api::Event> last);

  static void settle(const MeteringParts& parts, std::shared_ptr<Ending> ending);

  // What every event needs comes first.
  std::atomic<bool> cancelled_ = false;
  bool started_ = false, over_ = false;
  int events_ = 0;  // since the last note
  std::chrono::steady_clock::time_point noted_;
  api::Backend::Sink sink_;
  api::Tally tally_;
  std::unique_ptr<Limits::Reservation> reservation_;
  const MeteringParts parts_;
  Charge charge_;
};

}  // namespace autark::platform
