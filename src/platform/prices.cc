#include "platform/prices.h"
#include <algorithm>
#include "platform/money.h"
#include "platform/price_schedule.h"

namespace autark::platform {
namespace {

constexpr int kDaySeconds = 24 * 3600;

bool add_part(std::vector<DayPart>& day, DayPart part) {
  if (part.from == part.to) return true;
  for (const DayPart& other : day)
    if (part.from < other.to && other.from < part.to) return false;
  day.push_back(part);
  return true;
}

}  // namespace

bool Calendar::is_peak(Micros time) const {
  const LocalTime local = zone.at(time);
  if (holidays.contains(local.day_number)) return false;
  return std::ranges::any_of(week.at(size_t(local.weekday)), [&](const DayPart& part) {
    return part.from <= local.second_of_day && local.second_of_day < part.to;
  });
}

bool add_window(Calendar& calendar, int weekday, int from, int to) {
  auto& day = calendar.week.at(size_t(weekday));
  if (from < to) return add_part(day, {from, to});
  auto& next = calendar.week.at(size_t(weekday + 1) % 7);
  return add_part(day, {from, kDaySeconds}) && add_part(next, {0, to});
}

Rates times(const Rates& rates, int64_t factor) {
  const auto scaled = [&](int64_t rate) {
    return int64_t((__int128(rate) * factor + 500'000'000) / 1'000'000'000);
  };
  return {scaled(rates.input), scaled(rates.cached), scaled(rates.cache_write), scaled(rates.output),
          scaled(rates.reasoning)};
}

int64_t Quote::cost(const Tokens& tokens) const {
  int64_t sum = price_of(tokens.input, rates.input);
  sum = saturating_sum(sum, price_of(tokens.cached, rates.cached));
  sum = saturating_sum(sum, price_of(tokens.cache_write, rates.cache_write));
  sum = saturating_sum(sum, price_of(tokens.output, rates.output));
  return saturating_sum(sum, price_of(tokens.reasoning, rates.reasoning));
}

Quote PriceFile::quote(std::string_view model, std::string_view service, Micros time) const {
  auto found = schedule_->models.find(model);
  if (found == schedule_->models.end()) found = schedule_->models.find("*");
  const auto named = std::ranges::find(kServices, service);
  const size_t row = named == kServices.end() ? 0 : size_t(named - kServices.begin());
  const bool peak = is_peak(time);
  return {.version = version, .currency = currency, .peak = peak, .rates = found->second[row][peak]};
}

bool PriceFile::is_peak(Micros time) const {
  return schedule_->calendar.is_peak(time);
}

PriceList::PriceList(std::vector<PriceFile> files) : files_(std::move(files)) {
  std::ranges::stable_sort(files_, {}, &PriceFile::valid_from);
}

const PriceFile* PriceList::at(Micros time) const {
  const auto later = std::ranges::upper_bound(files_, time, {}, &PriceFile::valid_from);
  return later == files_.begin() ? nullptr : &*std::prev(later);
}

Quote PriceList::quote(std::string_view model, std::string_view service, Micros time) const {
  const PriceFile* file = at(time);
  return file ? file->quote(model, service, time) : Quote{};
}

}  // namespace autark::platform
