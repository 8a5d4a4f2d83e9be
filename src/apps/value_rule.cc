#include "apps/value_rule.h"
#include <fmt/format.h>
#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace autark::apps {
namespace {

// The whole text as a number; empty if it is something else.
template <class T>
std::optional<T> parsed(std::string_view text) {
  T value{};
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end) return {};
  return value;
}

template <class T>
ValueRule within(T least, T most, const char* kind) {
  const std::string range = fmt::format("{} to {}", least, most);
  const auto broken = [=](const std::string& text) -> std::string {
    const auto value = parsed<T>(text);
    if (value && *value >= least && *value <= most) return {};
    constexpr size_t kShown = 40;
    return fmt::format("must be {} from {}, not {}{}", kind, range, text.substr(0, kShown),
                       text.size() > kShown ? "…" : "");
  };
  return {range, broken};
}

}  // namespace

ValueRule whole_number(int64_t least, int64_t most) {
  return within(least, most, "a whole number");
}

ValueRule number(double least, double most) {
  return within(least, most, "a number");
}

ValueRule one_of(const std::vector<std::string>& names) {
  std::string set;
  for (const std::string& name : names) set += (set.empty() ? "{" : ",") + name;
  set += "}";
  const auto broken = [=](const std::string& value) {
    return std::ranges::find(names, value) != names.end() ? "" : value + " not in " + set;
  };
  return {set, broken};
}

}  // namespace autark::apps
