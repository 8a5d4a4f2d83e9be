#include "apps/number_range.h"
#include <fmt/format.h>
#include <charconv>
#include <optional>
#include <string_view>

namespace autark::apps {
namespace {

template <class T>
std::optional<T> parsed(std::string_view text) {
  T value{};
  const auto end = text.data() + text.size();
  const auto read = std::from_chars(text.data(), end, value);
  if (read.ec != std::errc() || read.ptr != end) return {};
  return value;
}

template <class T>
CLI::Validator within(T least, T most, const char* kind) {
  const std::string range = fmt::format("{} to {}", least, most);
  const auto check = [=](const std::string& text) -> std::string {
    const auto value = parsed<T>(text);
    if (value && *value >= least && *value <= most) return {};
    constexpr size_t kShown = 40;
    return fmt::format("must be {} from {}, not {}{}", kind, range, text.substr(0, kShown),
                       text.size() > kShown ? "…" : "");
  };
  return CLI::Validator(check, range);
}

}  // namespace

CLI::Validator whole_number(int64_t least, int64_t most) {
  return within(least, most, "a whole number");
}

CLI::Validator number(double least, double most) {
  return within(least, most, "a number");
}

}  // namespace autark::apps
