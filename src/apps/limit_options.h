// The options that name limits: --rpm, --tpm, --concurrency, --burst and --budget.
#pragma once
#include <optional>
#include <string>
#include <vector>
#include "apps/command_line.h"
#include "platform/limits.h"

namespace autark::apps {

struct LimitOptions {
  std::optional<int64_t> rpm, tpm, concurrency, burst;
  std::string budget;  // "20CNY", "5CNY/day"
};

void add_limit_options(const Command& c, LimitOptions& options);
// The limits that were given, without a level and a subject. An Error if the budget is no sum in this currency.
Result<std::vector<platform::Limit>> limits_from(const LimitOptions& options, const std::string& currency);

}  // namespace autark::apps
