// The limits of one server. One mutex guards all counters; it is open while the database is asked.
#include <mutex>
#include "base/log.h"
#include "platform/limit_table.h"

namespace autark::platform {
namespace {

// What reservations need of the limits; they may outlive them.
struct Counters {
  Counters(Watch clock, TimeZone zone) : watch(std::move(clock)), zone(std::move(zone)) {}
  std::mutex mutex;
  Watch watch;
  const TimeZone zone;
  LimitTable table;
};

class LocalReservation final : public Limits::Reservation {
 public:
  LocalReservation(std::shared_ptr<Counters> counters, Holds holds)
      : counters_(std::move(counters)), holds_(std::move(holds)) {}
  ~LocalReservation() override {
    if (holds_.empty()) return;
    const std::lock_guard lock(counters_->mutex);
    give_back(holds_);
  }
  void settle(int64_t tokens, int64_t nanos) override {
    const std::lock_guard lock(counters_->mutex);
    advance();
    platform::settle(holds_, tokens, nanos);
  }

 private:
  // A window that is over must not get what belongs to it.
  void advance() {
    const Moment& now = counters_->watch.now();
    for (const Hold& h : holds_) h.counter->advance(now, counters_->zone);
  }

  const std::shared_ptr<Counters> counters_;
  Holds holds_;
};

class LocalLimits final : public Limits {
 public:
  LocalLimits(Watch watch, TimeZone zone, Spent spent)
      : counters_(std::make_shared<Counters>(std::move(watch), std::move(zone))), spent_(std::move(spent)) {}

  api::ApiResult<std::unique_ptr<Reservation>> admit(const Subject& subject, const Demand& demand) override {
    std::unique_lock lock(counters_->mutex);
    Holds holds = counters_->table.counters_of(subject);
    if (auto fault = learn(holds, subject, lock)) return std::move(*fault);
    const Moment& now = counters_->watch.last();
    auto answer = admissible_answer(holds, demand, now);
    if (auto* fault = std::get_if<api::ApiError>(&answer)) return std::move(*fault);
    take(holds, demand, std::get<int64_t>(answer), now);
    auto allowances = allowances_of(holds, now);
    lock.unlock();
    auto reservation = std::make_unique<LocalReservation>(counters_, std::move(holds));
    reservation->answer_max = std::get<int64_t>(answer);
    reservation->allowances = std::move(allowances);
    return std::unique_ptr<Reservation>(std::move(reservation));
  }

  // The tables are built and destroyed without the lock of the counters.
  void set(std::vector<Limit> limits) override {
    const std::lock_guard one(set_mutex_);
    LimitTable table(limits, counters_->table);
    {
      const std::lock_guard lock(counters_->mutex);
      table.apply();
      std::swap(table, counters_->table);
    }
  }

 private:
  // Advances all counters, and asks what was spent before for the budgets of which that is not known. The lock is open
  // while it asks.
  std::optional<api::ApiError> learn(const Holds& holds, const Subject& subject,
                                     std::unique_lock<std::mutex>& lock) {
    for (;;) {
      const Moment& now = counters_->watch.now();
      LimitCounter* unknown = nullptr;
      for (const Hold& h : holds) {
        h.counter->advance(now, counters_->zone);
        if (!h.counter->is_known()) unknown = h.counter.get();
      }
      if (!unknown) return {};
      if (auto fault = learn(*unknown, id_of(subject, unknown->level()), lock)) return fault;
    }
  }
  std::optional<api::ApiError> learn(LimitCounter& counter, const std::string& subject,
                                     std::unique_lock<std::mutex>& lock) {
    const uint64_t window = counter.window();
    const Limit limit = counter.limit(subject);
    const Micros since = counter.since();
    lock.unlock();
    const Result<int64_t> spent = spent_ ? spent_(limit, since) : Result<int64_t>(0);
    lock.lock();
    if (!spent) {
      log_warning("limits: what was spent of a budget cannot be read: " + spent.error().message);
      return api::ApiError{.kind = api::ApiError::Kind::unavailable,
                           .message = "the server cannot find out what is left of the " + limit.level +
                                      "'s budget; try again later"};
    }
    if (counter.window() == window && !counter.is_known()) counter.set_spent(*spent);
    return {};
  }

  const std::shared_ptr<Counters> counters_;
  const Spent spent_;
  std::mutex set_mutex_;  // only set() changes which counters there are
};

}  // namespace

std::shared_ptr<Limits> local_limits(Clock clock, std::string time_zone, Spent spent, Clock steady) {
  auto zone = TimeZone::named(time_zone);
  if (!zone) log_warning("limits: " + zone.error().message + "; budgets count days of UTC");
  return std::make_shared<LocalLimits>(Watch(std::move(clock), std::move(steady)),
                                       zone ? std::move(*zone) : TimeZone(), std::move(spent));
}

}  // namespace autark::platform
