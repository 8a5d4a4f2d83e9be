// Limits of what may be used: requests and tokens a minute, requests a second, requests at once, and budgets; per account,
// workspace, key and model. A request must have room in all of them. Room is reserved when it is admitted and settled when
// it ends.
//
// A request counts in the windows in which it was admitted, however long it runs. A window of a minute or a second begins
// with the first request after the one before has ended, a budget's with its day or month. The platform's clock may jump:
// minutes and seconds are those of a steady clock.
// All functions may be called from any thread. local_limits() waits only for `spent`; shared_limits() also for the
// database, see there.
#pragma once
#include <memory>
#include <string>
#include <vector>
#include "api/item.h"
#include "platform/clock.h"
#include "store/database.h"

namespace autark::platform {

enum class LimitKind : uint8_t {
  rpm,          // requests a minute
  tpm,          // tokens a minute, prompt and answer
  concurrency,  // requests at once
  burst,        // requests a second
  budget        // nanos of the account's currency, in a period
};

struct Limit {
  std::string level;    // "account", "workspace", "key" or "model"
  std::string subject;  // id; for "model" its name
  std::string model;    // counts requests for this model only; empty: all
  LimitKind kind = LimitKind::rpm;
  int64_t amount = 0;
  std::string period = "total";  // of a budget: total, day or month, by the platform's time zone
  int64_t raised = 0;            // counts instead of `amount` until then
  Micros until = 0;
  std::string currency = {};  // of a budget, for messages
};

std::string_view name_of(LimitKind kind);              // "rpm"
Result<LimitKind> limit_kind_named(std::string_view);  // an Error lists the names

// Whose request it is.
struct Subject {
  std::string account, workspace, key, model;
};

// What a request needs at most.
struct Demand {
  int64_t prompt_tokens = 0;
  int64_t answer_max = 0;    // tokens
  int64_t answer_least = 0;  // the answer may be cut to what is left, but not below; answer_max: not at all
  int64_t prompt_cost = 0;   // nanos
  int64_t answer_token_cost = 0;  // nanos for 1,000,000 tokens of the answer, at most
};

class Limits {
 public:
  // Room that is taken. Its end without settle() gives all back.
  class Reservation {
   public:
    virtual ~Reservation() = default;
    int64_t answer_max = 0;  // tokens that the answer may have
    std::vector<api::Allowance>
        allowances;  // the tightest limit of requests and of tokens, this request taken off
    // The request used so much. Once.
    virtual void settle(int64_t tokens, int64_t nanos) = 0;
  };

  virtual ~Limits() = default;
  // Takes room in all limits of the subject, or in none. The fault names the level and the limit: "the key's limit of 60
  // requests a minute is used up". It is
  //   rate_limited   with the seconds after which all limits of a window have room again; 1 if the request waits for
  //                  others to end; 0 if it can never fit, because it is larger than a whole limit
  //   quota          a budget is spent, or the request may cost more than is left of it
  //   unavailable    what was spent, or the other servers' share, cannot be found out
  virtual api::ApiResult<std::unique_ptr<Reservation>> admit(const Subject& subject,
                                                             const Demand& demand) = 0;
  // Replaces all limits; what is used stays counted. Raises end by themselves. A limit of an unknown level is logged and
  // left out.
  virtual void set(std::vector<Limit> limits) = 0;
};

// Limits of one server. `spent` tells what the ledger has booked for a budget since the begin of its period; called when a
// budget is first needed in a period, without a lock.
using Spent = std::function<Result<int64_t>(const Limit& limit, Micros since)>;
// Without a `steady` clock (in tests) `clock` tells how long windows are, too; where it goes back, time stands still.
std::shared_ptr<Limits> local_limits(Clock clock, std::string time_zone, Spent spent, Clock steady = {});
// Limits that several servers share. Each has shares of them, which it takes ahead of its requests and on a thread of its
// own, an eighth of what is left at a time, and gives back what it does not need for a second. Windows are those of the
// database's clock. All servers together never admit more than a limit. Shares cost at most a transaction for every eighth
// of a limit; only when less is left, and for limits below eight, a request waits for a transaction of its own (about a
// millisecond; a refused one at most every 20 ms). Permits of a server that has ended come free after 15 s, its requests and
// tokens with the next window. If the database is away, limits work from what a server has; then requests are refused with
// `unavailable`. `server` is the id of this process. A reservation that outlives the limits gives its share back late.
std::shared_ptr<Limits> shared_limits(std::shared_ptr<storage::Database> database, std::string server,
                                      Clock clock, std::string time_zone, Spent spent);

}  // namespace autark::platform
