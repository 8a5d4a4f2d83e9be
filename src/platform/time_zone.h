// Local time of a place: offsets from UTC, hours and days as its clocks show them.
#pragma once
#include <absl/time/time.h>
#include <string>
#include "base/result.h"
#include "platform/clock.h"

namespace autark::platform {

// A moment as a clock on the wall shows it.
struct LocalTime {
  int year = 1970, month = 1, day = 1;
  int weekday = 0;         // 0 is Monday
  int64_t day_number = 0;  // days since 1970-01-01 of this calendar
  int second_of_day =
      0;              // as the clock shows; on a day with a change of the clock some values repeat or lack
  Micros offset = 0;  // local time - UTC
};

// Cheap to copy. All functions may be called from any thread.
class TimeZone {
 public:
  TimeZone() = default;  // UTC
  // "UTC", an offset ("+08:00") or a name of the IANA database ("Asia/Shanghai"), which the system's package tzdata
  // has. An Error says which of them is missing.
  static Result<TimeZone> named(const std::string& name);

  const std::string& name() const { return name_; }
  LocalTime at(Micros time) const;
  // The first moment of a day; if the clock jumps over midnight, of what there is of that day.
  Micros start_of_day(int64_t day_number) const;
  // The first moment after `time` at which the offset is another one; `last` if that is later or there is none.
  Micros next_change(Micros time, Micros last) const;
  // "2026-11-29T04:00:00+08:00"; "…Z" for UTC.
  std::string rfc3339(Micros time) const;

 private:
  absl::TimeZone zone_ = absl::UTCTimeZone();
  std::string name_ = "UTC";
};

}  // namespace autark::platform
