#include "api/allowance_headers.h"
#include <algorithm>
#include <cmath>
#include "api/rfc3339.h"

namespace autark::api {
namespace {

constexpr double kSecondsMax = 1e9;  // a later reset is told as this one

// "8.64" for 8640.
std::string decimal(int64_t thousandths) {
  std::string fraction = std::to_string(1000 + thousandths % 1000).substr(1);
  fraction.erase(fraction.find_last_not_of('0') + 1);
  return std::to_string(thousandths / 1000) + (fraction.empty() ? "" : "." + fraction);
}

}  // namespace

std::string short_duration(double seconds) {
  const int64_t ms = int64_t(std::ceil(std::min(seconds, kSecondsMax) * 1000 - 1e-6));
  if (ms < 1000) return ms <= 0 ? "0s" : std::to_string(ms) + "ms";
  const int64_t minutes = ms / 60'000, hours = minutes / 60;
  std::string text;
  if (hours) text += std::to_string(hours) + "h";
  if (minutes) text += std::to_string(minutes % 60) + "m";
  return text + decimal(ms % 60'000) + "s";
}

Headers openai_headers(std::span<const Allowance> left) {
  Headers h;
  for (const Allowance& a : left) {
    h.emplace_back("x-ratelimit-limit-" + a.of, std::to_string(a.limit));
    h.emplace_back("x-ratelimit-remaining-" + a.of, std::to_string(a.remaining));
    if (a.reset_seconds >= 0) h.emplace_back("x-ratelimit-reset-" + a.of, short_duration(a.reset_seconds));
  }
  return h;
}

Headers anthropic_headers(std::span<const Allowance> left, int64_t now) {
  Headers h;
  for (const Allowance& a : left) {
    const std::string name = "anthropic-ratelimit-" + a.of;
    h.emplace_back(name + "-limit", std::to_string(a.limit));
    h.emplace_back(name + "-remaining", std::to_string(a.remaining));
    if (a.reset_seconds < 0) continue;
    h.emplace_back(name + "-reset",
                   rfc3339(now + int64_t(std::ceil(std::min(a.reset_seconds, kSecondsMax)))));
  }
  return h;
}

Headers Dialect::allowances(std::span<const Allowance> left, int64_t) const {
  return openai_headers(left);
}

}  // namespace autark::api
