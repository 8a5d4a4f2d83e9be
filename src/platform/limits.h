// Limits of what may be used: requests and tokens a minute, requests a second, requests at once, and budgets; per account,
// workspace, key and model. A request must have room in all of them. Room is reserved when it is admitted and settled when
// it ends.
//
// Windows of a minute begin with the first request after the one before has ended. The platform's clock may jump: time
// that goes backwards counts as standing still.
// All functions may be called from any thread and do not block.
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
  int64_t answer_max = 0;         // tokens
  bool may_shorten = false;       // the client gave no maximum: the answer may be cut to what is left
  int64_t prompt_cost = 0;        // nanos
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
  // The fault is rate_limited (with seconds to wait) or quota, and names level, subject and limit:
  // "the key's limit of 60 requests a minute is used up; try again in 12s".
  virtual api::ApiResult<std::unique_ptr<Reservation>> admit(const Subject& subject,
                                                             const Demand& demand) = 0;
  // Replaces all limits; what is used stays counted. What is left of temporary raises ends by itself.
  virtual void set(std::vector<Limit> limits) = 0;
};

// Limits of one server. `spent` tells what was spent before this process began; called when a budget is first needed.
using Spent = std::function<Result<int64_t>(const Limit& limit, Micros since)>;
std::shared_ptr<Limits> local_limits(Clock clock, std::string time_zone, Spent spent);
// Limits that several servers share: each takes shares of what is left from the database, ahead of its requests and on a
// thread of its own, and gives back what it does not need. `server` is the id of this process.
std::shared_ptr<Limits> shared_limits(std::shared_ptr<storage::Database> database, std::string server,
                                      Clock clock, std::string time_zone, Spent spent);

}  // namespace autark::platform
