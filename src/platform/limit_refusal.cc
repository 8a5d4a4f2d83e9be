#include "platform/limit_refusal.h"
#include <tuple>
#include "platform/money.h"

namespace autark::platform {
namespace {

using Kind = api::ApiError::Kind;
using Reason = LimitRefusal::Reason;

constexpr double kBusySeconds = 1;  // after which others may have ended

std::string money_text(const Limit& limit, int64_t nanos) {
  return limit.currency.empty() ? amount_text(nanos) : to_text({nanos, limit.currency});
}

std::string measure_of(const Limit& limit, int64_t amount) {
  switch (limit.kind) {
    case LimitKind::rpm:
      return std::to_string(amount) + " requests a minute";
    case LimitKind::tpm:
      return std::to_string(amount) + " tokens a minute";
    case LimitKind::concurrency:
      return std::to_string(amount) + " requests at once";
    case LimitKind::burst:
      return std::to_string(amount) + " requests a second";
    case LimitKind::budget:
      break;
  }
  return money_text(limit, amount) + (limit.period == "total" ? "" : " a " + limit.period);
}

// "the key's limit of 60 requests a minute", "the workspace's budget of 20 CNY a day for this model".
std::string name_of_limit(const Limit& limit, int64_t amount) {
  return "the " + limit.level + "'s " + (limit.kind == LimitKind::budget ? "budget of " : "limit of ") +
         measure_of(limit, amount) + (limit.model.empty() ? "" : " for this model");
}

std::string busy_text(const Limit& limit, const std::string& name) {
  if (limit.kind == LimitKind::budget) return "the rest of " + name + " is reserved by requests that run";
  return name + (limit.kind == LimitKind::concurrency ? " is reached" : " is used up");
}

std::string too_large_text(const LimitRefusal& r, const Limit& limit, const std::string& name) {
  if (limit.kind != LimitKind::tpm) return name + " admits no request";
  return "the request may need " + std::to_string(r.need) +
         " tokens, prompt and max_tokens, which is more than " + name + "; reduce max_tokens or the prompt";
}

// What was spent of a budget, here and by others. What others only hold may come back.
int64_t spent_of(const LimitCounter& c) {
  const Lease* lease = c.lease();
  return lease ? saturating_sum(c.used(), lease->others - lease->held) : c.used();
}

std::string spent_text(const LimitRefusal& r, const Limit& limit, const std::string& name, int64_t amount) {
  const int64_t left = amount - spent_of(*r.counter);
  if (left <= 0) return name + " is used up";
  return "the request may cost " + money_text(limit, r.need) + ", and " + money_text(limit, left) +
         " is left of " + name + "; reduce max_tokens or the prompt";
}

}  // namespace

bool LimitRefusal::is_worse_than(const LimitRefusal& other) const {
  return std::tie(reason, wait_seconds) > std::tie(other.reason, other.wait_seconds);
}

LimitRefusal refusal_of(const LimitCounter& c, int64_t need, const Moment& now) {
  LimitRefusal r{.counter = &c, .need = need};
  const int64_t amount = c.amount(now);
  if (c.kind() == LimitKind::budget) {
    const bool spent = saturating_sum(spent_of(c), need) > amount;
    r.reason = spent ? Reason::spent : Reason::busy;
  } else if (need > amount) {
    r.reason = Reason::too_large;
  }
  if (r.reason != Reason::busy) return r;
  const bool ends = c.kind() != LimitKind::budget && c.kind() != LimitKind::concurrency;
  r.wait_seconds = ends ? c.seconds_left(now) : kBusySeconds;
  return r;
}

api::ApiError fault_of(const LimitRefusal& r, const Moment& now) {
  const Limit limit = r.counter->limit("");
  const int64_t amount = r.counter->amount(now);
  const std::string name = name_of_limit(limit, amount);
  switch (r.reason) {
    case Reason::spent:
      return {.kind = Kind::quota, .message = spent_text(r, limit, name, amount)};
    case Reason::too_large:
      return {.kind = Kind::rate_limited, .message = too_large_text(r, limit, name)};
    case Reason::busy:
      break;
  }
  return {.kind = Kind::rate_limited, .message = busy_text(limit, name), .retry_seconds = r.wait_seconds};
}

}  // namespace autark::platform
