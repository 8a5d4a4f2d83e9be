#include "platform/admission.h"
#include <algorithm>
#include "platform/limit_refusal.h"

namespace autark::platform {
namespace {

// Of the same unit: less is left, or it comes back later.
bool is_tighter(const api::Allowance& a, const api::Allowance& b) {
  return a.remaining != b.remaining ? a.remaining < b.remaining : a.reset_seconds > b.reset_seconds;
}

}  // namespace

api::ApiResult<int64_t> admissible_answer(const Holds& holds, const Demand& demand, const Moment& now) {
  int64_t answer = demand.answer_max;
  std::optional<LimitRefusal> worst;
  for (const Hold& h : holds) {
    const LimitCounter& c = *h.counter;
    const int64_t left = c.left(now);
    answer = std::min(answer, c.answer_within(demand, left));
    if (const int64_t need = c.need(demand, demand.answer_least); need > left) {
      const LimitRefusal refusal = refusal_of(c, need, now);
      if (!worst || refusal.is_worse_than(*worst)) worst = refusal;
    }
  }
  if (!worst) return std::max(answer, demand.answer_least);
  api::ApiError fault = fault_of(*worst, now);
  fault.allowances = allowances_of(holds, now);
  return fault;
}

void take(Holds& holds, const Demand& demand, int64_t answer, const Moment& now) {
  for (Hold& h : holds) {
    h.amount = h.counter->need(demand, answer);
    h.window = h.counter->window();
    h.counter->take(h.amount, now);
  }
}

void settle(Holds& holds, int64_t tokens, int64_t nanos) {
  for (const Hold& h : holds) {
    const LimitKind kind = h.counter->kind();
    const int64_t used = kind == LimitKind::tpm ? tokens : kind == LimitKind::budget ? nanos : 1;
    h.counter->settle(h.window, h.amount, used);
  }
  holds.clear();
}

void give_back(Holds& holds) {
  for (const Hold& h : holds) h.counter->settle(h.window, h.amount, 0);
  holds.clear();
}

std::vector<api::Allowance> allowances_of(const Holds& holds, const Moment& now) {
  std::optional<api::Allowance> tightest[2];  // of requests, of tokens
  for (const Hold& h : holds) {
    const LimitKind kind = h.counter->kind();
    if (kind != LimitKind::rpm && kind != LimitKind::tpm) continue;
    const bool tokens = kind == LimitKind::tpm;
    api::Allowance a{.of = tokens ? "tokens" : "requests",
                     .limit = h.counter->amount(now),
                     .remaining = std::max<int64_t>(0, h.counter->left_of_all(now)),
                     .reset_seconds = h.counter->seconds_left(now)};
    auto& least = tightest[tokens];
    if (!least || is_tighter(a, *least)) least = std::move(a);
  }
  std::vector<api::Allowance> all;
  for (auto& a : tightest)
    if (a) all.push_back(std::move(*a));
  return all;
}

}  // namespace autark::platform
