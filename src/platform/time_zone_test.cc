// Goal: local times are those of the place, on every day of the year, and names cannot reach other files.
// Method: properties over every hour of years with changes of the clock; examples of gaps and overlaps; hostile names.
#include "platform/time_zone.h"
#include <gtest/gtest.h>

namespace autark::platform {
namespace {

constexpr Micros kHour = 60 * kMinute;
constexpr Micros k2026 = 1'767'225'600 * kSecond;

TimeZone zone(const std::string& name) {
  const auto found = TimeZone::named(name);
  EXPECT_TRUE(found) << (found ? "" : found.error().message);
  return found ? *found : TimeZone();
}

class EveryZone : public testing::TestWithParam<const char*> {};

TEST_P(EveryZone, ADayBeginsWhereTheDateChanges) {
  const TimeZone z = zone(GetParam());
  for (Micros t = k2026; t < k2026 + 366 * kDay; t += kHour / 2) {
    const int64_t day = z.at(t).day_number;
    const Micros start = z.start_of_day(day);
    EXPECT_LE(start, t);
    EXPECT_EQ(z.at(start).day_number, day);
    EXPECT_EQ(z.at(start - 1).day_number, day - 1);
  }
}

TEST_P(EveryZone, TheOffsetChangesWhereItSaysSo) {
  const TimeZone z = zone(GetParam());
  const Micros end = k2026 + 366 * kDay;
  Micros next = z.next_change(k2026, end);
  Micros offset = z.at(k2026).offset;
  for (Micros t = k2026; t < end; t += kHour / 4) {
    if (t >= next) {
      offset = z.at(next).offset;
      EXPECT_NE(offset, z.at(next - 1).offset);
      next = z.next_change(next, end);
    }
    EXPECT_EQ(z.at(t).offset, offset) << z.rfc3339(t);
  }
}

INSTANTIATE_TEST_SUITE_P(Named, EveryZone,
                         testing::Values("UTC", "Asia/Shanghai", "Europe/Berlin", "America/New_York",
                                         "Australia/Lord_Howe", "Africa/Cairo", "Asia/Kathmandu", "+08:00",
                                         "-09:30"));

TEST(TimeZone, WritesLocalTimes) {
  EXPECT_EQ(zone("UTC").rfc3339(k2026), "2026-01-01T00:00:00Z");
  EXPECT_EQ(zone("Asia/Shanghai").rfc3339(k2026), "2026-01-01T08:00:00+08:00");
  EXPECT_EQ(zone("-09:30").rfc3339(k2026), "2025-12-31T14:30:00-09:30");
  EXPECT_EQ(zone("Asia/Shanghai").at(k2026).weekday, 3) << "a Thursday";
  EXPECT_EQ(TimeZone().rfc3339(INT64_MIN).substr(0, 10), "0001-01-01");
  EXPECT_EQ(TimeZone().rfc3339(INT64_MAX).substr(0, 10), "9999-12-31");
}

TEST(TimeZone, AnHourThatIsSkippedAndOneThatComesTwice) {
  const TimeZone berlin = zone("Europe/Berlin");
  const Micros spring = 1'774'746'000 * kSecond, autumn = 1'792'890'000 * kSecond;  // 01:00 UTC
  EXPECT_EQ(berlin.rfc3339(spring - kSecond), "2026-03-29T01:59:59+01:00");
  EXPECT_EQ(berlin.rfc3339(spring), "2026-03-29T03:00:00+02:00");
  EXPECT_EQ(berlin.rfc3339(autumn - kSecond), "2026-10-25T02:59:59+02:00");
  EXPECT_EQ(berlin.rfc3339(autumn), "2026-10-25T02:00:00+01:00");
  const int64_t day = berlin.at(autumn).day_number;
  EXPECT_EQ(berlin.start_of_day(day + 1) - berlin.start_of_day(day), 25 * kHour);
  EXPECT_EQ(berlin.next_change(spring - kSecond, spring + kDay), spring);
  EXPECT_EQ(berlin.next_change(spring, spring + kDay), spring + kDay);
}

TEST(TimeZone, OtherNamesAreAnErrorThatNamesThePackage) {
  for (const std::string name : {"", "utc", "localtime", "/etc/passwd", "../../etc/passwd",
                                 "Asia/../../../etc/passwd", ":UTC", "Mars/Base", "+25:00", "+8:00", "08:00",
                                 "+08:60", "Fixed/UTC+08:00:00", "Asia/Shanghai\n", "posixrules"}) {
    const auto found = TimeZone::named(name);
    ASSERT_FALSE(found) << name;
    EXPECT_NE(found.error().message.find("tzdata"), std::string::npos);
  }
  EXPECT_FALSE(TimeZone::named(std::string("UTC\0x", 5)));
  EXPECT_FALSE(TimeZone::named(std::string(10'000, 'A')));
}

}  // namespace
}  // namespace autark::platform
