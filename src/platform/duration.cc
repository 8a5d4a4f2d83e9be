#include <charconv>
#include <ctime>
#include "platform/directory.h"

namespace autark::platform {
namespace {

constexpr Micros kLongest = 3650 * kDay;

Micros unit_of(char letter) {
  switch (letter) {
    case 's':
      return kSecond;
    case 'm':
      return kMinute;
    case 'h':
      return 60 * kMinute;
    case 'd':
      return kDay;
    default:
      return 0;
  }
}

}  // namespace

Result<Micros> parse_duration(const std::string& text) {
  const Micros unit = text.empty() ? 0 : unit_of(text.back());
  int64_t count = 0;
  const char* end = text.data() + text.size() - (text.empty() ? 0 : 1);
  const auto [at, failed] = std::from_chars(text.data(), end, count);
  if (!unit || failed != std::errc() || at != end || count < 0)
    return Error{Code::invalid, "'" + text + "' is no duration; write one as 30d, 12h, 15m or 90s"};
  if (count == 0 || count > kLongest / unit)
    return Error{Code::invalid, "the duration " + text + " is not between 1s and 3650d"};
  return count * unit;
}

Result<Micros> parse_moment(const std::string& text, Micros now) {
  const bool is_time = text.size() >= 10 && text[4] == '-';
  if (!is_time) {
    AUTARK_TRY(const Micros after, parse_duration(text));
    return now + after;
  }
  std::tm parts{};
  const std::string whole = text.size() == 10 ? text + "T00:00:00Z" : text;
  const char* end = ::strptime(whole.c_str(), "%Y-%m-%dT%H:%M:%S", &parts);
  if (!end || std::string_view(end) != "Z")
    return Error{Code::invalid, "'" + text + "' is no time; write one in UTC as 2026-12-31T12:00:00Z"};
  std::tm normal = parts;
  const std::time_t seconds = ::timegm(&normal);
  if (normal.tm_mday != parts.tm_mday || seconds < 0)
    return Error{Code::invalid, "the day of '" + text + "' is not in the calendar"};
  return Micros{seconds} * kSecond;
}

}  // namespace autark::platform
