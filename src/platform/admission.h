// Decides whether a request has room in all of its limits, and takes it. Not thread-safe: the lock of the counters guards
// all of it.
#pragma once
#include <memory>
#include <vector>
#include "platform/limit_counter.h"

namespace autark::platform {

// What a request has taken of one limit.
struct Hold {
  std::shared_ptr<LimitCounter> counter;
  uint64_t window = 0;
  int64_t amount = 0;
};
using Holds = std::vector<Hold>;

// The tokens that the answer may have, or the refusal with the longest wait. REQUIRES: all counters were advanced to
// `now` and are known.
api::ApiResult<int64_t> admissible_answer(const Holds& holds, const Demand& demand, const Moment& now);
// Takes what the request needs at most. REQUIRES: the answer is admissible.
void take(Holds& holds, const Demand& demand, int64_t answer, const Moment& now);
// A request has ended and used so much; holds are empty then.
void settle(Holds& holds, int64_t tokens, int64_t nanos);
// All is given back, as if the request had never been.
void give_back(Holds& holds);
// What is left of the tightest limits of requests and of tokens a minute.
std::vector<api::Allowance> allowances_of(const Holds& holds, const Moment& now);

}  // namespace autark::platform
