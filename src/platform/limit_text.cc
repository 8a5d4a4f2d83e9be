#include "platform/limit_text.h"
#include "platform/money.h"

namespace autark::platform {
namespace {

// "day" of "5CNY/day"; "total" if there is none.
Result<std::string> period_of(std::string_view text) {
  const size_t slash = text.find('/');
  const std::string period(slash == std::string_view::npos ? "total" : text.substr(slash + 1));
  if (period == "total" || period == "day" || period == "month") return period;
  return Error{Code::invalid,
               "a budget is for a day, a month or in total (5CNY/day, 100CNY/month, 20CNY), not for '" +
                   period.substr(0, 40) + "'"};
}

std::string period_text(const std::string& period) {
  return period == "total" ? " in all" : " a " + period;
}

}  // namespace

Result<Limit> budget_from(std::string_view text, const std::string& currency) {
  AUTARK_TRY(std::string period, period_of(text));
  AUTARK_TRY(const Money money, money_from(text.substr(0, text.find('/'))));
  if (money.currency != currency)
    return Error{Code::invalid, "the account counts in " + currency + ", not in " + money.currency +
                                    "; give the budget in " + currency};
  if (money.nanos <= 0)
    return Error{Code::invalid, "a budget must be more than 0; disable the key to stop it"};
  return Limit{.kind = LimitKind::budget, .amount = money.nanos, .period = std::move(period)};
}

std::string amount_text(const Limit& limit, int64_t amount, const std::string& currency) {
  const std::string number = std::to_string(amount);
  switch (limit.kind) {
    case LimitKind::rpm:
      return number + " requests a minute";
    case LimitKind::tpm:
      return number + " tokens a minute";
    case LimitKind::concurrency:
      return number + " requests at once";
    case LimitKind::burst:
      return number + " requests a second";
    case LimitKind::budget:
      break;
  }
  return to_text({amount, currency}) + period_text(limit.period);
}

std::string limit_text(const Limit& limit, const std::string& currency) {
  const std::string model = limit.model.empty() ? "" : " for " + limit.model;
  return amount_text(limit, limit.amount, currency) + model;
}

}  // namespace autark::platform
