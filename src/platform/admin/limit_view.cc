#include "platform/admin/limit_view.h"
#include <chrono>
#include "base/log.h"

namespace autark::platform::admin {
namespace {

// The days of the month in which a local time lies.
int days_of_month(const LocalTime& time) {
  const std::chrono::year_month_day_last last(
      std::chrono::year(time.year), std::chrono::month_day_last(std::chrono::month(unsigned(time.month))));
  return int(unsigned(last.day()));
}

}  // namespace

Period period_of(const std::string& period, Micros now, const TimeZone& zone) {
  const LocalTime local = zone.at(now);
  if (period == "day") return {zone.start_of_day(local.day_number), zone.start_of_day(local.day_number + 1)};
  if (period != "month") return {};
  const int64_t first = local.day_number - (local.day - 1);
  return {zone.start_of_day(first), zone.start_of_day(first + days_of_month(local))};
}

api::ApiResult<LimitView> LimitView::of(const Visit& visit) {
  auto account = account_of(visit);
  if (auto* fault = std::get_if<api::ApiError>(&account)) return std::move(*fault);
  auto zone = TimeZone::named(visit.platform.parts.file.time_zone);
  if (!zone) return fault_of(zone.error());
  return LimitView(visit, std::get<Account>(account).currency, std::move(*zone));
}

LimitUse LimitView::use_of(const Limit& limit) const {
  if (limit.kind != LimitKind::budget) return {};
  const Period period = period_of(limit.period, visit_->now, zone_);
  const auto spent = visit_->platform.ledger->spent(limit.level, limit.subject, limit.model, period.begin);
  if (!spent) log_error("admin: " + spent.error().message);
  return {spent ? std::optional(*spent) : std::nullopt, period.end};
}

std::map<std::string, Json> LimitView::by_key(const LimitView& view, const std::vector<Limit>& limits) {
  std::map<std::string, Json> all;
  for (const Limit& limit : limits) {
    Json& list = all.try_emplace(limit.subject, Json::array()).first->second;
    list.push_back(view.json(limit));
  }
  return all;
}

}  // namespace autark::platform::admin
