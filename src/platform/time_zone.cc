#include "platform/time_zone.h"
#include <absl/time/civil_time.h>
#include <algorithm>
#include <array>
#include <cstdio>
#include <optional>

namespace autark::platform {
namespace {

// Times beyond the years 1 to 9999 count as their borders, so that each has four digits and none overflows.
constexpr Micros kFirst = -62'135'596'800 * kSecond, kLast = 253'402'300'799 * kSecond;

absl::Time at_time(Micros time) {
  return absl::FromUnixMicros(std::clamp(time, kFirst, kLast));
}

// "+08:00" to seconds.
std::optional<int> offset_from(const std::string& text) {
  const auto digit = [&](size_t i) { return text[i] >= '0' && text[i] <= '9' ? text[i] - '0' : 100; };
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const int hours = digit(1) * 10 + digit(2), minutes = digit(4) * 10 + digit(5);
  if (hours > 14 || minutes > 59) return std::nullopt;
  return (text[0] == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
}

// Whether it looks like a name of the IANA database; others might be read as paths.
bool is_zone_name(const std::string& name) {
  if (name.empty() || name.size() > 64 || name[0] < 'A' || name[0] > 'Z') return false;
  return name.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+-_/") ==
         name.npos;
}

}  // namespace

Result<TimeZone> TimeZone::named(const std::string& name) {
  TimeZone zone;
  zone.name_ = name;
  if (name == "UTC" || name == "Z") return zone;
  if (const auto seconds = offset_from(name)) {
    zone.zone_ = absl::FixedTimeZone(*seconds);
    return zone;
  }
  const bool is_name = is_zone_name(name) && !name.starts_with("Fixed/");
  if (is_name && absl::LoadTimeZone(name, &zone.zone_)) return zone;
  // The name is not repeated unless it is harmless.
  return Error{Code::invalid, "the time zone " + (is_name ? "'" + name + "' " : std::string()) +
                                  "is not known: use UTC, an offset as +08:00, or a name as Asia/Shanghai, "
                                  "for which the system's package tzdata must be installed"};
}

LocalTime TimeZone::at(Micros time) const {
  const absl::TimeZone::CivilInfo info = zone_.At(at_time(time));
  const absl::CivilDay day(info.cs);
  const int second = info.cs.hour() * 3600 + info.cs.minute() * 60 + info.cs.second();
  return {.year = int(day.year()),
          .month = day.month(),
          .day = day.day(),
          .weekday = int(absl::GetWeekday(day)),
          .day_number = day - absl::CivilDay(1970, 1, 1),
          .second_of_day = second,
          .offset = info.offset * kSecond};
}

Micros TimeZone::start_of_day(int64_t day_number) const {
  const absl::CivilDay day =
      absl::CivilDay(1970, 1, 1) + std::clamp<int64_t>(day_number, -719'162, 2'932'896);
  const absl::TimeZone::TimeInfo info = zone_.At(absl::CivilSecond(day));
  // A time that clocks skip begins with the change; of one that they show twice the first counts.
  const bool skipped = info.kind == absl::TimeZone::TimeInfo::SKIPPED;
  return absl::ToUnixMicros(skipped ? info.trans : info.pre);
}

Micros TimeZone::next_change(Micros time, Micros last) const {
  absl::TimeZone::CivilTransition change;
  const Micros offset = at(time).offset;
  for (absl::Time t = at_time(time); zone_.NextTransition(t, &change);) {
    t = absl::FromCivil(change.to, zone_);
    const absl::TimeZone::TimeInfo info = zone_.At(change.to);
    if (info.kind != absl::TimeZone::TimeInfo::UNIQUE) t = info.trans;
    if (absl::ToUnixMicros(t) >= last) return last;
    if (at(absl::ToUnixMicros(t)).offset != offset) return absl::ToUnixMicros(t);
  }
  return last;
}

std::string TimeZone::rfc3339(Micros time) const {
  const LocalTime t = at(time);
  std::array<char, 64> text;
  std::snprintf(text.data(), text.size(), "%04d-%02d-%02dT%02d:%02d:%02d", t.year, t.month, t.day,
                t.second_of_day / 3600, t.second_of_day / 60 % 60, t.second_of_day % 60);
  std::string all = text.data();
  if (zone_ == absl::UTCTimeZone()) return all + "Z";
  const int minutes = int(std::abs(t.offset) / kMinute);
  std::snprintf(text.data(), text.size(), "%c%02d:%02d", t.offset < 0 ? '-' : '+', minutes / 60,
                minutes % 60);
  return all + text.data();
}

}  // namespace autark::platform
