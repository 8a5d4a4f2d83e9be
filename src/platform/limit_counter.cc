#include "platform/limit_counter.h"
#include <algorithm>
#include <limits>
#include <tuple>
#include "platform/money.h"

namespace autark::platform {
namespace {

constexpr std::string_view kLevels[] = {"account", "workspace", "key", "model"};
constexpr int64_t kMost = std::numeric_limits<int64_t>::max();

// The first moment of the day or month after the one that `time` is in.
Micros period_end(const TimeZone& zone, const LocalTime& day, bool month) {
  if (!month) return zone.start_of_day(day.day_number + 1);
  int64_t next = day.day_number + 28 - (day.day - 1);
  while (zone.at(zone.start_of_day(next)).month == day.month) ++next;
  return zone.start_of_day(next);
}

}  // namespace

std::optional<LimitLevel> limit_level_named(std::string_view name) {
  for (size_t i = 0; i < std::size(kLevels); ++i)
    if (kLevels[i] == name) return LimitLevel(i);
  return {};
}

std::string_view name_of(LimitLevel level) {
  return kLevels[size_t(level)];
}

LimitCounter::Period LimitCounter::period_of(const Limit& limit) {
  if (limit.kind != LimitKind::budget || limit.period == "total") return Period::total;
  return limit.period == "day" ? Period::day : Period::month;
}

LimitCounter::LimitCounter(LimitLevel level, const Limit& limit)
    : level_(level),
      kind_(limit.kind),
      period_(period_of(limit)),
      known_(limit.kind != LimitKind::budget),
      model_(limit.model) {
  set_amounts(limit);
}

Limit LimitCounter::limit(const std::string& subject) const {
  constexpr const char* kPeriods[] = {"total", "day", "month"};
  return {.level = std::string(name_of(level_)),
          .subject = subject,
          .model = model_,
          .kind = kind_,
          .amount = amount_,
          .period = kPeriods[size_t(period_)],
          .raised = raised_,
          .until = until_,
          .currency = currency_};
}

bool LimitCounter::is_of(const Limit& limit) const {
  return kind_ == limit.kind && period_ == period_of(limit) && model_ == limit.model;
}

bool LimitCounter::has_amounts_of(const Limit& limit) const {
  return amount_ == limit.amount && raised_ == limit.raised && until_ == limit.until &&
         currency_ == limit.currency;
}

void LimitCounter::set_amounts(const Limit& limit) {
  amount_ = limit.amount, raised_ = limit.raised, until_ = limit.until, currency_ = limit.currency;
}

void LimitCounter::share() {
  lease_ = std::make_unique<Lease>();
  known_ = true;
}

bool LimitCounter::follow(Micros window, Micros ends) {
  if (window < lease_->window) return false;
  if (window > lease_->window) {
    begin_window();
    lease_->granted = lease_->others = lease_->held = 0;
    lease_->window = window;
  }
  lease_->ends = ends;
  return true;
}

void LimitCounter::advance(const Moment& now, const TimeZone& zone) {
  if (lease_) {
    if (lease_->granted == 0 || now.elapsed < lease_->ends) return;
    begin_window();
    lease_->granted = lease_->others = lease_->held = 0;
  } else if (kind_ == LimitKind::budget) {
    advance_period(now, zone);
  } else if (open_ && now.elapsed - begin_ >= length()) {
    begin_window();
  }
}

std::pair<Micros, Micros> LimitCounter::period_at(Micros wall, const TimeZone& zone) const {
  if (period_ == Period::total) return {0, kMost};
  const LocalTime today = zone.at(wall);
  const bool month = period_ == Period::month;
  const Micros begin = zone.start_of_day(month ? today.day_number - (today.day - 1) : today.day_number);
  return {begin, std::max(wall + 1, period_end(zone, today, month))};
}

// A period stays until the next one begins, also if the clock goes back to the one before.
void LimitCounter::advance_period(const Moment& now, const TimeZone& zone) {
  if (end_ != 0 && now.wall < end_) return;
  begin_window();
  known_ = false;
  std::tie(begin_, end_) = period_at(now.wall, zone);
}

void LimitCounter::set_spent(int64_t spent) {
  known_ = true;
  used_ = spent;
}

int64_t LimitCounter::left(const Moment& now) const {
  if (lease_) return lease_->granted - saturating_sum(used_, reserved_);
  return left_of_all(now);
}

int64_t LimitCounter::left_of_all(const Moment& now) const {
  const int64_t others = lease_ ? lease_->others : 0;
  return saturating_sum(amount(now), -saturating_sum(others, saturating_sum(used_, reserved_)));
}

int64_t LimitCounter::need(const Demand& d, int64_t answer) const {
  if (kind_ == LimitKind::tpm) return saturating_sum(d.prompt_tokens, answer);
  if (kind_ != LimitKind::budget) return 1;
  return saturating_sum(d.prompt_cost, price_of(answer, d.answer_token_cost));
}

int64_t LimitCounter::answer_within(const Demand& d, int64_t room) const {
  if (kind_ == LimitKind::tpm) return room - d.prompt_tokens;
  if (kind_ != LimitKind::budget || d.answer_token_cost <= 0) return kMost;
  const __int128 tokens = __int128(room - d.prompt_cost) * 1'000'000 / d.answer_token_cost;
  int64_t answer = int64_t(std::clamp<__int128>(tokens, 0, kMost));
  while (answer > 0 && need(d, answer) > room) --answer;  // the price is rounded half up
  return answer;
}

double LimitCounter::seconds_left(const Moment& now) const {
  if (lease_) return std::max(0.0, double(lease_->ends - now.elapsed) / kSecond);
  if (kind_ == LimitKind::budget) return period_ == Period::total ? 0 : double(end_ - now.wall) / kSecond;
  return open_ ? double(begin_ + length() - now.elapsed) / kSecond : 0;
}

void LimitCounter::take(int64_t amount, const Moment& now) {
  reserved_ += amount;
  if (open_ || kind_ == LimitKind::budget || kind_ == LimitKind::concurrency) return;
  open_ = true;
  begin_ = now.elapsed;
}

void LimitCounter::settle(uint64_t window, int64_t reserved, int64_t used) {
  if (window != window_) return;
  reserved_ -= reserved;
  if (kind_ != LimitKind::concurrency) used_ = saturating_sum(used_, used);
}

}  // namespace autark::platform
