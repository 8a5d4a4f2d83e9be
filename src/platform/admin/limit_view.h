// Limits as the API shows them: budgets with what is used of them.
#pragma once
#include <map>
#include "platform/admin/visit.h"
#include "platform/directory_json.h"
#include "platform/time_zone.h"

namespace autark::platform::admin {

class LimitView {
 public:
  // The account's currency and the platform's time zone; a fault if they cannot be read.
  static api::ApiResult<LimitView> of(const Visit& visit);

  const std::string& currency() const { return currency_; }
  // What is used of a budget in the period that runs now; nothing of other limits.
  LimitUse use_of(const Limit& limit) const;
  Json json(const Limit& limit) const { return limit_json(limit, currency_, visit_->now, use_of(limit)); }
  // The lists of limits by their keys' ids.
  static std::map<std::string, Json> by_key(const LimitView& view, const std::vector<Limit>& limits);

 private:
  LimitView(const Visit& visit, std::string currency, TimeZone zone)
      : visit_(&visit), currency_(std::move(currency)), zone_(std::move(zone)) {}
  const Visit* visit_;
  std::string currency_;
  TimeZone zone_;
};

// The begin of a budget's period and its end; the end of "total" is unset.
struct Period {
  Micros begin = 0;
  std::optional<Micros> end;
};
Period period_of(const std::string& period, Micros now, const TimeZone& zone);

}  // namespace autark::platform::admin
