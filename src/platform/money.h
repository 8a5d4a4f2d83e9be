// Sums of money in units of 10⁻⁹ of a currency.
#pragma once
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include "base/result.h"

namespace autark::platform {

struct Money {
  int64_t nanos = 0;     // 10⁻⁹ of the currency
  std::string currency;  // three capital letters, as in ISO 4217
  bool operator==(const Money&) const = default;
};

// Parses "20CNY", "0.5 USD", "-3CNY": at most nine digits behind the point.
Result<Money> money_from(std::string_view text);
// The number alone, as amount_text() writes it; empty if it is none or does not fit.
std::optional<int64_t> nanos_from(std::string_view text);
// Whether it is three capital letters.
bool is_currency(std::string_view text);
// "20", "0.5", "-3.000000001": the number alone.
std::string amount_text(int64_t nanos);
// "20 CNY".
std::string to_text(const Money& money);
// The price of `tokens`, rounded half up to a nano. `per_million`: nanos for 1,000,000 tokens. Saturates.
int64_t price_of(int64_t tokens, int64_t per_million);
// a + b; the largest or smallest number if it does not fit.
int64_t saturating_sum(int64_t a, int64_t b);

}  // namespace autark::platform
