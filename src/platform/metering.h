// A backend in front of another one: it admits requests by their caller's limits, and books what they used. The last event
// of an answer is sent once its charge is durable. A request that a budget refuses is booked with the outcome "refused" and
// no tokens, at most one a second for a key; other refusals are not booked.
#pragma once
#include <memory>
#include "api/backend.h"
#include "platform/ledger.h"
#include "platform/limits.h"

namespace autark::platform {

class Metering {
 public:
  struct Options {
    std::shared_ptr<Limits> limits;
    std::shared_ptr<Ledger> ledger;
    Clock clock = system_now;
    PriceList prices;
    // An account without a rest pays nothing in advance: it may owe. False: requests are refused once the balance and
    // the credits of its account are used up.
    bool post_paid = true;
  };
  explicit Metering(Options options);
  // Waits for what is being settled.
  ~Metering();
  // The backend for serve::Service. Must not outlive this object. Requests without a caller pass unmetered.
  std::shared_ptr<api::Backend> around(std::shared_ptr<api::Backend> backend);
  void set_prices(PriceList prices);  // of requests from now on

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace autark::platform
