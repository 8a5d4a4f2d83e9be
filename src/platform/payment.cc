#include "platform/payment.h"
#include <algorithm>
#include <limits>
#include <tuple>

namespace autark::platform {
namespace {

// Moves up to `count` tokens out of `tokens`, class by class.
int64_t take(Tokens& tokens, int64_t count) {
  const int64_t wanted = count;
  for (int64_t* of :
       {&tokens.input, &tokens.cached, &tokens.cache_write, &tokens.output, &tokens.reasoning}) {
    const int64_t part = std::min(*of, count);
    *of -= part;
    count -= part;
  }
  return wanted - count;
}

}  // namespace

void sort_credits(std::vector<CreditRest>& credits) {
  std::ranges::sort(credits, {}, [](const CreditRest& c) {
    const Micros end = c.expires ? c.expires : std::numeric_limits<Micros>::max();
    return std::tuple(!c.is_in_tokens(), end, c.created, c.id);
  });
}

Payment pay(const Quote& quote, const Tokens& tokens, const std::string& model, Micros time,
            std::vector<CreditRest>& credits) {
  Payment payment;
  Tokens unpaid = tokens;
  int64_t due = quote.cost(tokens);
  for (size_t i = 0; i < credits.size() && due > 0; ++i) {
    CreditRest& credit = credits[i];
    const bool fits = credit.model.empty() || credit.model == model;
    const bool in_time = credit.expires == 0 || credit.expires > time;
    if (!fits || !in_time || credit.left <= 0) continue;
    if (!credit.is_in_tokens() && credit.unit != quote.currency) continue;
    int64_t amount = std::min(due, credit.left);
    if (credit.is_in_tokens()) {
      amount = take(unpaid, credit.left);
      // Rounding of parts must not make the rest dearer than what was due.
      const int64_t rest = std::min(due, quote.cost(unpaid));
      payment.packs += due - rest;
      due = rest;
    } else {
      due -= amount;
    }
    credit.left -= amount;
    if (amount > 0) payment.parts.push_back({i, amount});
  }
  payment.balance = due;
  return payment;
}

}  // namespace autark::platform
