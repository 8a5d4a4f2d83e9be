// What a price file says, ready to be asked: hours of peak prices, and rates by model, service class and time.
#pragma once
#include <array>
#include <map>
#include <optional>
#include <set>
#include "platform/prices.h"
#include "platform/time_zone.h"

namespace autark::platform {

inline constexpr std::array<std::string_view, 4> kServices = {"standard", "priority", "flex", "batch"};

// Part of a day, in seconds as the clock shows them; the end does not belong to it.
struct DayPart {
  int from = 0, to = 0;
};

// The hours of a week. Parts of one day do not overlap.
struct Calendar {
  TimeZone zone;
  std::array<std::vector<DayPart>, 7> week;  // from Monday on
  std::set<int64_t> holidays;                // numbers of days, see LocalTime
  bool is_peak(Micros time) const;
};

struct PriceFile::Schedule {
  using ByService = std::array<std::array<Rates, 2>, kServices.size()>;  // [service][peak]
  Calendar calendar;
  std::map<std::string, ByService, std::less<>> models;  // has "*"
};

// Adds a window that begins on a weekday; if it ends before it begins it goes on after midnight. False if it overlaps
// with another one.
bool add_window(Calendar& calendar, int weekday, int from, int to);
// Each rate times `factor` · 10⁻⁹, rounded half up.
Rates times(const Rates& rates, int64_t factor);

}  // namespace autark::platform
