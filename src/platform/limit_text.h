// Limits as people write and read them.
#pragma once
#include <string>
#include <string_view>
#include "platform/limits.h"

namespace autark::platform {

// "20CNY" (in all), "5CNY/day", "100CNY/month" as a limit of the kind budget, without level and subject. An Error if it is
// no sum above 0, of another currency than `currency`, or of another period.
Result<Limit> budget_from(std::string_view text, const std::string& currency);
// "60 requests a minute", "20 CNY in all", "5 CNY a day"; with "for MODEL" if it counts one model only. Raises are not
// in it.
std::string limit_text(const Limit& limit, const std::string& currency);
// The same of another amount, such as Limit::raised.
std::string amount_text(const Limit& limit, int64_t amount, const std::string& currency);

}  // namespace autark::platform
