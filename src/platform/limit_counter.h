// One limit and what is used of it. Not thread-safe: its owner's lock guards it.
#pragma once
#include <memory>
#include <optional>
#include <utility>
#include "platform/limits.h"
#include "platform/time_zone.h"

namespace autark::platform {

enum class LimitLevel : uint8_t { account, workspace, key, model };
std::optional<LimitLevel> limit_level_named(std::string_view name);
std::string_view name_of(LimitLevel level);

// A moment of the platform's clock.
struct Moment {
  Micros wall = 0;     // as it shows it
  Micros elapsed = 0;  // since the first one; never goes back
};

// Since some moment; never jumps.
inline Micros steady_now() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::steady_clock::now().time_since_epoch())
      .count();
}

// Turns a clock that may jump into moments. `steady` does not jump; without one, steps of the clock back take no time, and
// steps ahead do. Not thread-safe.
class Watch {
 public:
  explicit Watch(Clock clock, Clock steady = {})
      : clock_(std::move(clock)),
        steady_(std::move(steady)),
        begin_(steady_ ? steady_() : 0),
        now_{clock_(), 0} {}
  const Moment& now() {
    const Micros wall = clock_();
    if (steady_) now_.elapsed = steady_() - begin_;
    if (!steady_ && wall > now_.wall) now_.elapsed += wall - now_.wall;
    now_.wall = wall;
    return now_;
  }
  const Moment& last() const { return now_; }  // that now() has told

 private:
  Clock clock_, steady_;
  Micros begin_ = 0;
  Moment now_;
};

// This server's share of a limit that several servers have: it may use what was granted until the window ends.
struct Lease {
  int64_t granted = 0;       // in this window, and not given back
  int64_t others = 0;        // what others have of it, as far as known
  int64_t held = 0;          // of that, what they have not used up: of a budget only
  Micros window = 0;         // its begin by the database's clock; 0: none was granted yet
  Micros ends = 0;           // in elapsed time
  Micros next_ask = 0;       // after the database had too little
  Micros next_ahead = 0;     // after it had none to give ahead of need, which may be enough for a request
  Micros taken = 0;          // when a request took of it last
  Micros renewed = 0;        // when the database last heard of it
  bool wants_visit = false;  // more will be needed soon, or there is more than is needed
};

class LimitCounter {
 public:
  LimitCounter(LimitLevel level, const Limit& limit);
  // The limit again, of this subject.
  Limit limit(const std::string& subject) const;
  // Whether it is the counter of a limit: of the same kind, model and period.
  bool is_of(const Limit& limit) const;
  // Whether the amounts are those of `limit`.
  bool has_amounts_of(const Limit& limit) const;
  void set_amounts(const Limit& limit);

  LimitLevel level() const { return level_; }
  LimitKind kind() const { return kind_; }
  const std::string& model() const { return model_; }
  int64_t amount(const Moment& now) const { return until_ > now.wall ? raised_ : amount_; }

  // Null for limits of one server. From share() on, only what is granted is left, and the database says when a window
  // ends.
  Lease* lease() const { return lease_.get(); }
  void share();
  // The window that the database tells, with its end in elapsed time. Returns false if it is an old one.
  bool follow(Micros window, Micros ends);
  // The begin and the end of a budget's period at a time of the clock.
  std::pair<Micros, Micros> period_at(Micros wall, const TimeZone& zone) const;
  Micros length() const { return kind_ == LimitKind::burst ? kSecond : kMinute; }

  // Ends the window if its time is over. Call before the functions below.
  void advance(const Moment& now, const TimeZone& zone);
  // The number of the window. Amounts that were taken in another one do not count.
  uint64_t window() const { return window_; }
  // Of a budget: the begin of its period, and whether it is known what was spent before.
  Micros since() const { return begin_; }
  bool is_known() const { return known_; }
  void set_spent(int64_t spent);

  int64_t used() const { return used_; }          // of requests that have ended, in this window
  int64_t reserved() const { return reserved_; }  // of those that run
  int64_t left(const Moment& now) const;          // below 0 after the limit was lowered
  int64_t left_of_all(const Moment& now) const;   // the same of all servers together
  // What a request with an answer of so many tokens needs at most.
  int64_t need(const Demand& demand, int64_t answer) const;
  // The tokens of an answer for which `room` is enough.
  int64_t answer_within(const Demand& demand, int64_t room) const;
  // Seconds until the window ends; 0: none is open or it does not end by itself.
  double seconds_left(const Moment& now) const;

  void take(int64_t amount, const Moment& now);
  // A request ends that had taken `reserved` in `window`.
  void settle(uint64_t window, int64_t reserved, int64_t used);

 private:
  enum class Period : uint8_t { total, day, month };
  static Period period_of(const Limit& limit);
  void begin_window() { ++window_, used_ = reserved_ = 0, open_ = false; }
  void advance_period(const Moment& now, const TimeZone& zone);

  const LimitLevel level_;
  const LimitKind kind_;
  const Period period_;
  bool open_ = false, known_;
  const std::string model_;
  std::string currency_;
  int64_t amount_ = 0, raised_ = 0;
  Micros until_ = 0;  // the end of the raise
  uint64_t window_ = 0;
  int64_t used_ = 0, reserved_ = 0;
  Micros begin_ = 0;  // of the open window, in elapsed time; of a budget's period, on the clock
  Micros end_ = 0;    // of a budget's period; 0: not begun yet
  std::unique_ptr<Lease> lease_;
};

}  // namespace autark::platform
