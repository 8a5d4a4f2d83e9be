#include "apps/limit_options.h"
#include "apps/value_rule.h"
#include "platform/limit_text.h"

namespace autark::apps {
namespace {

constexpr int64_t kLimitMax = int64_t{1} << 50;

}  // namespace

void add_limit_options(const Command& c, LimitOptions& options) {
  const auto number = [&](const char* name, std::optional<int64_t>& into, const char* help) {
    c.option(name, into, help, {.rule = whole_number(1, kLimitMax), .kind = "N"});
  };
  number("--rpm", options.rpm, "Requests a minute");
  number("--tpm", options.tpm, "Tokens a minute, of prompts and answers");
  number("--concurrency", options.concurrency, "Requests at once");
  number("--burst", options.burst, "Requests a second");
  c.option("--budget", options.budget, "What may be spent: 20CNY, 5CNY/day or 100CNY/month", {.kind = "SUM"});
}

Result<std::vector<platform::Limit>> limits_from(const LimitOptions& options, const std::string& currency) {
  using platform::LimitKind;
  std::vector<platform::Limit> limits;
  const auto add = [&](LimitKind kind, std::optional<int64_t> amount) {
    if (amount) limits.push_back({.kind = kind, .amount = *amount});
  };
  add(LimitKind::rpm, options.rpm);
  add(LimitKind::tpm, options.tpm);
  add(LimitKind::concurrency, options.concurrency);
  add(LimitKind::burst, options.burst);
  if (options.budget.empty()) return limits;
  AUTARK_TRY(platform::Limit budget, platform::budget_from(options.budget, currency));
  limits.push_back(std::move(budget));
  return limits;
}

}  // namespace autark::apps
