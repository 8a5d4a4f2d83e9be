#include "platform/money.h"
#include <charconv>
#include <limits>

namespace autark::platform {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max(), kLeast = std::numeric_limits<int64_t>::min();
constexpr int64_t kOne = 1'000'000'000;

Error not_a_sum(std::string_view text) {
  // The text may come from a client: it is repeated only if it is short and plain.
  const bool plain = text.size() <= 32 &&
                     text.find_first_not_of(
                         " +-.0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz") == text.npos;
  return {Code::invalid, (plain ? "'" + std::string(text) + "' is" : std::string("this is")) +
                             " not a sum of money: write it like 20CNY or 0.5 USD, with at most nine digits "
                             "behind the point and less than 9 billion"};
}

std::optional<int64_t> digits(std::string_view text) {
  int64_t number = 0;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (fault != std::errc() || end != text.data() + text.size() || text[0] == '-') return std::nullopt;
  return number;
}

}  // namespace

std::optional<int64_t> nanos_from(std::string_view text) {
  const bool negative = text.starts_with('-');
  text.remove_prefix(negative);
  const size_t point = text.find('.');
  const auto whole = digits(text.substr(0, point));
  int64_t part = 0;
  if (point != text.npos) {
    std::string behind(text.substr(point + 1));
    if (behind.empty() || behind.size() > 9) return std::nullopt;
    behind.resize(9, '0');
    const auto number = digits(behind);
    if (!number) return std::nullopt;
    part = *number;
  }
  int64_t nanos;
  if (!whole || __builtin_mul_overflow(*whole, kOne, &nanos) || __builtin_add_overflow(nanos, part, &nanos))
    return std::nullopt;
  return negative ? -nanos : nanos;
}

Result<Money> money_from(std::string_view text) {
  std::string_view rest = text;
  if (rest.size() < 4) return not_a_sum(text);
  const std::string_view currency = rest.substr(rest.size() - 3);
  rest.remove_suffix(3);
  if (rest.ends_with(' ')) rest.remove_suffix(1);
  const auto nanos = nanos_from(rest);
  if (!nanos || !is_currency(currency)) return not_a_sum(text);
  return Money{*nanos, std::string(currency)};
}

bool is_currency(std::string_view text) {
  return text.size() == 3 && text.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == text.npos;
}

std::string amount_text(int64_t nanos) {
  const uint64_t size = nanos < 0 ? 0 - uint64_t(nanos) : uint64_t(nanos);
  std::string text = (nanos < 0 ? "-" : "") + std::to_string(size / kOne);
  if (size % kOne == 0) return text;
  std::string behind = std::to_string(size % kOne + kOne).substr(1);
  behind.resize(behind.find_last_not_of('0') + 1);
  return text + "." + behind;
}

std::string to_text(const Money& money) {
  return amount_text(money.nanos) + " " + money.currency;
}

int64_t price_of(int64_t tokens, int64_t per_million) {
  const __int128 exact = __int128(tokens) * per_million + 500'000;
  const __int128 nanos = exact / 1'000'000 - (exact % 1'000'000 < 0);
  return nanos > kMost ? kMost : nanos < kLeast ? kLeast : int64_t(nanos);
}

int64_t saturating_sum(int64_t a, int64_t b) {
  int64_t sum;
  return __builtin_add_overflow(a, b, &sum) ? (a < 0 ? kLeast : kMost) : sum;
}

}  // namespace autark::platform
