// Goal: price files mean what they say, at every moment, and a wrong one is an Error that names the key and its line.
// Method: properties over every minute of weeks; an oracle for defaults and factors; examples; files that are wrong.
#include "platform/prices.h"
#include <gtest/gtest.h>
#include <random>
#include "platform/money.h"
#include "platform/time_zone.h"

namespace autark::platform {
namespace {

const std::string kHead = "version = \"1\"\nvalid_from = 2026-01-01T00:00:00+08:00\ncurrency = \"CNY\"\n";
const std::string kModels = "[models.\"*\"]\ninput = 1\noutput = 4\n";

PriceFile file(const std::string& text) {
  auto read = PriceFile::parse(text);
  EXPECT_TRUE(read) << (read ? "" : read.error().message) << "\n" << text;
  if (!read) read = PriceFile::parse(kHead + kModels);
  return *std::move(read);
}

// The moment that clocks of the zone show on a day of 2026.
Micros moment(const std::string& zone, int day_of_year, int hour, int minute) {
  const TimeZone z = *TimeZone::named(zone);
  return z.start_of_day(20'454 + day_of_year) + (hour * 60 + minute) * kMinute;
}

TEST(Prices, ReadsAWholeFile) {
  const PriceFile f = file(R"(version = "2026-11"
valid_from = 2026-11-01T00:00:00+08:00
currency = "CNY"
time_zone = "Asia/Shanghai"
[calendar]
holidays = [2026-10-01]
[[calendar.peak]]
days = ["mon", "tue", "wed", "thu", "fri"]
from = 09:00:00
to = 12:00:00
[models."*"]
input = 1
cached = 0.02
output = 4
[models."*".peak]
input = 2
[models."a.b/c"]
input = 0.000000001
cached = 0
cache_write = 1.25
output = 999999.123456789
reasoning = 1e3
[service]
flex = 0.5
)");
  EXPECT_EQ(f.version, "2026-11");
  EXPECT_EQ(f.valid_from, 1'793'462'400 * kSecond);
  EXPECT_EQ(f.time_zone, "Asia/Shanghai");
  const Micros monday = moment("Asia/Shanghai", 4, 9, 0);
  EXPECT_TRUE(f.is_peak(monday));
  EXPECT_FALSE(f.is_peak(monday - 1));
  EXPECT_TRUE(f.is_peak(monday + 3 * 60 * kMinute - 1));
  EXPECT_FALSE(f.is_peak(monday + 3 * 60 * kMinute));
  EXPECT_FALSE(f.is_peak(moment("Asia/Shanghai", 3, 10, 0))) << "a Sunday";
  EXPECT_FALSE(f.is_peak(moment("Asia/Shanghai", 273, 10, 0))) << "a holiday";
  EXPECT_TRUE(f.is_peak(moment("Asia/Shanghai", 274, 10, 0)));
  constexpr int64_t kOne = 1'000'000'000;
  EXPECT_EQ(f.quote("x", "standard", 0).rates, (Rates{kOne, kOne / 50, kOne, 4 * kOne, 4 * kOne}));
  EXPECT_EQ(f.quote("x", "standard", monday).rates,
            (Rates{2 * kOne, kOne / 50, 2 * kOne, 4 * kOne, 4 * kOne}));
  EXPECT_EQ(f.quote("x", "flex", 0).rates, (Rates{kOne / 2, kOne / 100, kOne / 2, 2 * kOne, 2 * kOne}));
  EXPECT_EQ(f.quote("x", "none", 0).rates, f.quote("x", "standard", 0).rates);
  EXPECT_EQ(f.quote("a.b/c", "standard", 0).rates,
            (Rates{1, 0, kOne * 5 / 4, 999'999'123'456'789, 1000 * kOne}));
  EXPECT_EQ(f.quote("a.b/c", "flex", 0).rates.input, 1) << "half a nano is rounded up";
  EXPECT_EQ(f.quote("x", "standard", 0).currency, "CNY");
}

TEST(Prices, AWindowOverMidnightGoesOnTheNextDay) {
  const PriceFile f = file(kHead + "time_zone = \"+08:00\"\n[calendar]\nholidays = [2026-01-15]\n" +
                           "[[calendar.peak]]\ndays = [\"sun\", \"wed\"]\nfrom = 22:00:00\nto = 02:30:00\n" +
                           "[[calendar.peak]]\ndays = [\"sat\"]\nfrom = 12:00:00\nto = 00:00:00\n" + kModels);
  for (int day = 3; day < 17; ++day)  // from Sunday, 4 January on
    for (int minute = 0; minute < 24 * 60; ++minute) {
      const int weekday = (day - 3) % 7;  // 0 is Sunday
      const bool evening = (weekday == 0 || weekday == 3) && minute >= 22 * 60;
      const bool night = (weekday == 1 || weekday == 4) && minute < 150;
      const bool expected = day != 14 && (evening || night || (weekday == 6 && minute >= 12 * 60));
      EXPECT_EQ(f.is_peak(moment("+08:00", day, 0, minute)), expected) << day << " " << minute;
    }
}

TEST(Prices, WindowsFollowTheClockOnDaysWhenItChanges) {
  const PriceFile f =
      file(kHead + "time_zone = \"Europe/Berlin\"\n[[calendar.peak]]\ndays = [\"sun\"]\nfrom = 02:00:00\n" +
           "to = 03:00:00\n" + kModels);
  const auto minutes = [&](int day_of_year) {
    int count = 0;
    const Micros start = moment("Europe/Berlin", day_of_year, 0, 0);
    for (Micros t = start; t < start + 30 * 60 * kMinute; t += kMinute) count += f.is_peak(t);
    return count;
  };
  EXPECT_EQ(minutes(3), 60);
  EXPECT_EQ(minutes(87), 0) << "29 March has no such hour";
  EXPECT_EQ(minutes(297), 120) << "25 October has it twice";
}

TEST(Prices, TheFileThatBecameValidLastCounts) {
  const auto from = [](const std::string& version, int day) {
    PriceFile f = file(kHead + kModels);
    f.version = version;
    f.valid_from = day * kDay;
    return f;
  };
  const PriceList list({from("c", 30), from("a", 10), from("b", 20), from("b2", 20)});
  EXPECT_EQ(list.quote("m", "standard", 10 * kDay - 1).version, "");
  EXPECT_EQ(list.quote("m", "standard", 10 * kDay - 1).cost({.input = 1'000'000}), 0);
  EXPECT_EQ(list.quote("m", "standard", 10 * kDay).version, "a");
  EXPECT_EQ(list.quote("m", "standard", 20 * kDay).version, "b2");
  EXPECT_EQ(list.quote("m", "standard", 99 * kDay).version, "c");
  EXPECT_EQ(PriceList().at(0), nullptr);
}

TEST(Prices, ACostIsTheSumOfItsClasses) {
  const Quote q{.version = "1", .rates = {1'500'000, 500'000, 499'999, 2'000'000, 1}};
  EXPECT_EQ(q.cost({1, 1, 1, 1, 1}), 2 + 1 + 0 + 2 + 0);
  EXPECT_EQ(q.cost({INT64_MAX / 8, 0, 0, INT64_MAX / 8, 0}), INT64_MAX / 8 * 3 / 2 + 1 + INT64_MAX / 8 * 2)
      << "exact";
  EXPECT_EQ(
      (Quote{.rates = {1'000'000'000'000'000, 0, 0, 1'000'000'000'000'000, 0}}.cost({INT64_MAX, 0, 0, 5, 0})),
      INT64_MAX);
}

// A decimal of up to nine digits becomes exactly its nanos.
TEST(Prices, DecimalsAreExact) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 500; ++i) {
    const int64_t nanos = int64_t(random() % 1'000'000'000'000'000) / (i % 2 ? 1 : 1'000'000);
    const PriceFile f = file(kHead + "[models.\"*\"]\noutput = 1\ninput = " + amount_text(nanos) + "\n");
    EXPECT_EQ(f.quote("m", "standard", 0).rates.input, nanos);
  }
}

struct Wrong {
  std::string text, named, line;
};

TEST(Prices, AWrongFileIsAnErrorThatNamesKeyAndLine) {
  const std::string window = "[[calendar.peak]]\ndays = [\"mon\"]\nfrom = 09:00:00\nto = 12:00:00\n";
  const Wrong cases[] = {
      {"x", "TOML", "1"},
      {kHead, "models", ""},
      {kHead + "colour = 1\n" + kModels, "colour", "4"},
      {kHead + kModels + "inptu = 1\n", "models.*.inptu", "7"},
      {kHead + "[models.a]\ninput = 1\noutput = 1\n", "models.\"*\"", ""},
      {kHead + "[models.\"*\"]\ninput = 1\n", "models.*.output", "4"},
      {kHead + "[models.\"*\"]\ninput = -1\noutput = 1\n", "models.*.input", "5"},
      {kHead + "[models.\"*\"]\ninput = -0.5\noutput = 1\n", "models.*.input", "5"},
      {kHead + "[models.\"*\"]\ninput = 1000001\noutput = 1\n", "models.*.input", "5"},
      {kHead + "[models.\"*\"]\ninput = 1e300\noutput = 1\n", "models.*.input", "5"},
      {kHead + "[models.\"*\"]\ninput = nan\noutput = 1\n", "models.*.input", "5"},
      {kHead + "[models.\"*\"]\ninput = inf\noutput = 1\n", "models.*.input", "5"},
      {kHead + "[models.\"*\"]\ninput = 0.0000000001\noutput = 1\n", "nine digits", "5"},
      {kHead + "[models.\"*\"]\ninput = \"1\"\noutput = 1\n", "models.*.input", "5"},
      {kHead + "[models.\"*\"]\ninput = 9223372036854775807\noutput = 1\n", "models.*.input", "5"},
      {kHead + kModels + "[service]\nflex = 101\n", "service.flex", "8"},
      {kHead + kModels + "[service]\nfast = 1\n", "service.fast", "8"},
      {kHead + "time_zone = \"Mars/Base\"\n" + kModels, "time_zone", ""},
      {kHead + window + window + kModels, "overlaps", "9"},
      {kHead + "[[calendar.peak]]\ndays = [\"mon\", \"mon\"]\nfrom = 09:00:00\nto = 10:00:00\n" + kModels,
       "overlaps", "5"},
      {kHead + "[[calendar.peak]]\ndays = [\"sun\"]\nfrom = 09:00:00\nto = 09:00:00\n" + kModels, "differ",
       "4"},
      {kHead + "[[calendar.peak]]\ndays = []\nfrom = 09:00:00\nto = 10:00:00\n" + kModels, "days", "4"},
      {kHead + "[[calendar.peak]]\ndays = [\"Mon\"]\nfrom = 09:00:00\nto = 10:00:00\n" + kModels, "days",
       "5"},
      {kHead + "[[calendar.peak]]\ndays = [\"mon\"]\nfrom = 9\nto = 10:00:00\n" + kModels, "from", "6"},
      {kHead + "[calendar]\nholidays = [\"2026-01-01\"]\n" + kModels, "holidays", "5"},
      {kHead + "[calendar]\nholidays = 5\n" + kModels, "holidays", "5"},
      {kHead + "[calendar]\npeak = [1]\n" + kModels, "peak", "5"},
      {kHead + "models = 3\n", "models", "4"},
      {kHead + kModels + "[models.\"x\".peak]\ninput = 1\n", "models.x.input", ""},
      {"version = \"1\"\nvalid_from = 2026-01-01T00:00:00\ncurrency = \"CNY\"\n" + kModels, "offset", "2"},
      {"version = \"1\"\nvalid_from = 2026-01-01\ncurrency = \"CNY\"\n" + kModels, "valid_from", "2"},
      {"version = \"\"\nvalid_from = 2026-01-01T00:00:00Z\ncurrency = \"CNY\"\n" + kModels, "version", ""},
      {"version = \"1 2\"\nvalid_from = 2026-01-01T00:00:00Z\ncurrency = \"CNY\"\n" + kModels, "version", ""},
      {"version = \"1\"\nvalid_from = 2026-01-01T00:00:00Z\ncurrency = \"yuan\"\n" + kModels, "currency", ""},
      {std::string(1 << 20, '#') + "\n" + kHead + kModels, "1 MiB", ""},
  };
  for (const Wrong& wrong : cases) {
    const auto read = PriceFile::parse(wrong.text);
    ASSERT_FALSE(read) << wrong.text.substr(0, 300);
    EXPECT_EQ(read.error().code, Code::invalid);
    EXPECT_NE(read.error().message.find(wrong.named), std::string::npos) << read.error().message;
    const std::string line = wrong.line.empty() ? "" : "(line " + wrong.line + ")";
    EXPECT_NE(read.error().message.find(line), std::string::npos) << read.error().message;
  }
}

TEST(Prices, ManyHolidaysAndDeepTablesAreBounded) {
  std::string days;
  for (int i = 0; i < 10'001; ++i) days += "2026-01-01,";
  EXPECT_FALSE(PriceFile::parse(kHead + "[calendar]\nholidays = [" + days + "]\n" + kModels));
  EXPECT_FALSE(PriceFile::parse(kHead + "x = " + std::string(100'000, '[')));
  EXPECT_FALSE(PriceFile::parse(kHead + kModels + "[models.\"" + std::string(300, 'x') +
                                "\"]\ninput = 1\noutput = 1\n"));
}

}  // namespace
}  // namespace autark::platform
