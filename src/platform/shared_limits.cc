// Limits that several servers share. A request takes of the shares that its server has; only if these are too small it
// waits for the database. A thread gets new shares before they are used up, and gives back what is not needed.
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <thread>
#include <unordered_map>
#include "base/log.h"
#include "platform/limit_shares.h"
#include "platform/limit_table.h"

namespace autark::platform {
namespace {

constexpr Micros kAskAgain = 20'000;  // after the database had too little
constexpr Micros kIdle = kSecond;     // after which an unused share is given back
constexpr Micros kRenew = LimitShares::kLease / 3;
constexpr Micros kAway = kSecond;  // after a failure of the database, without asking it
constexpr std::chrono::milliseconds kVisit{200};
constexpr size_t kWishesMax = 256;  // of one transaction of the thread
constexpr int kRounds = 4;          // that others may snatch what a request has waited for

// What reservations, requests and the thread have in common.
struct Common {
  explicit Common(Clock clock) : watch(std::move(clock)) {}
  std::mutex mutex;
  std::condition_variable wake;
  Watch watch;
  bool visit = false, stop = false;
  // Counters of which this server has a share, with their subjects.
  std::unordered_map<std::shared_ptr<LimitCounter>, std::string> shares;
};

// What a server keeps although it needs none of it now.
int64_t spare_of(const LimitCounter& c, const Moment& now) {
  return c.amount(now) / 8;
}

class SharedReservation final : public Limits::Reservation {
 public:
  SharedReservation(std::shared_ptr<Common> common, Holds holds)
      : common_(std::move(common)), holds_(std::move(holds)) {}
  ~SharedReservation() override {
    if (!holds_.empty()) end([](Holds& holds) { give_back(holds); });
  }
  void settle(int64_t tokens, int64_t nanos) override {
    end([&](Holds& holds) { platform::settle(holds, tokens, nanos); });
  }

 private:
  template <class Act>
  void end(Act act) {
    const std::lock_guard lock(common_->mutex);
    const Moment& now = common_->watch.now();
    const Holds ended = holds_;
    for (const Hold& h : ended) h.counter->advance(now, {});
    act(holds_);
    for (const Hold& h : ended) {
      LimitCounter& c = *h.counter;
      if (c.left(now) <= spare_of(c, now)) continue;
      c.lease()->wants_visit = common_->visit = true;
    }
    if (common_->visit) common_->wake.notify_one();
  }

  const std::shared_ptr<Common> common_;
  Holds holds_;
};

class SharedLimits final : public Limits {
 public:
  SharedLimits(LimitShares shares, Clock clock, Spent spent)
      : shares_(std::move(shares)),
        spent_(std::move(spent)),
        common_(std::make_shared<Common>(std::move(clock))),
        thread_([this] { visit_until_stopped(); }) {}
  ~SharedLimits() override {
    {
      const std::lock_guard lock(common_->mutex);
      common_->stop = true;
    }
    common_->wake.notify_one();
    thread_.join();
  }

  api::ApiResult<std::unique_ptr<Reservation>> admit(const Subject& subject, const Demand& demand) override;
  void set(std::vector<Limit> limits) override;

 private:
  using Wishes = std::vector<ShareWish>;
  struct Asked {
    const Subject& subject;
    const Demand& demand;
  };

  // These REQUIRE that the lock of the counters is held.
  const Moment& advance(const Holds& holds);
  int64_t wanted(const LimitCounter& c, const Demand& demand, const Moment& now) const;
  bool is_short(const LimitCounter& c, const Demand& demand, const Moment& now) const;
  ShareWish wish_of(const std::shared_ptr<LimitCounter>& c, const std::string& subject, const Moment& now);
  Wishes wishes_of(const Holds& holds, const Asked& asked);
  Wishes wishes_of_visit();
  bool add_visit(const std::shared_ptr<LimitCounter>& c, const std::string& subject, const Moment& now,
                 Wishes& wishes);
  void apply(const Wishes& wishes, const std::vector<ShareAnswer>& answers, Micros asked_at);
  void undo(const Wishes& wishes);
  void mark(const Holds& holds, const Moment& now);

  // Asks the database; the lock is open meanwhile. Only one thread of a server asks at a time.
  bool exchange(Wishes wishes, std::unique_lock<std::mutex>& lock);
  Result<std::vector<ShareAnswer>> exchange(Wishes& wishes);
  std::optional<Error> read_spent(ShareWish& wish, Micros since) const;
  void visit_until_stopped();
  bool visit(std::unique_lock<std::mutex>& lock);

  LimitShares shares_;
  const Spent spent_;
  const std::shared_ptr<Common> common_;
  LimitTable table_;       // guarded by the mutex of common_
  Micros away_until_ = 0;  // in elapsed time; as table_
  std::mutex set_mutex_;
  std::mutex exchange_mutex_;  // taken before the mutex of common_
  std::thread thread_;
};

const Moment& SharedLimits::advance(const Holds& holds) {
  const Moment& now = common_->watch.now();
  for (const Hold& h : holds) h.counter->advance(now, shares_.zone());
  return now;
}

// An answer without a maximum is content with the share that a server keeps anyway.
int64_t SharedLimits::wanted(const LimitCounter& c, const Demand& d, const Moment& now) const {
  const int64_t least = c.need(d, d.answer_least), most = c.need(d, d.answer_max);
  return std::min(most, std::max(least, spare_of(c, now)));
}

bool SharedLimits::is_short(const LimitCounter& c, const Demand& d, const Moment& now) const {
  const int64_t left = c.left(now);
  if (left >= wanted(c, d, now)) return false;
  return now.elapsed >= c.lease()->next_ask;
}

ShareWish SharedLimits::wish_of(const std::shared_ptr<LimitCounter>& c, const std::string& subject,
                                const Moment& now) {
  const Lease& lease = *c->lease();
  return {.counter = c,
          .subject = subject,
          .amount = c->amount(now),
          .window = lease.window,
          .held = lease.granted - c->used()};
}

SharedLimits::Wishes SharedLimits::wishes_of(const Holds& holds, const Asked& asked) {
  Wishes wishes;
  const Moment& now = advance(holds);
  for (const Hold& h : holds) {
    const LimitCounter& c = *h.counter;
    if (!is_short(c, asked.demand, now)) continue;
    ShareWish w = wish_of(h.counter, id_of(asked.subject, c.level()), now);
    const int64_t left = c.left(now);
    w.least = std::max<int64_t>(0, c.need(asked.demand, asked.demand.answer_least) - left);
    w.most = wanted(c, asked.demand, now) - left;
    wishes.push_back(std::move(w));
  }
  return wishes;
}

// Of one counter, what the thread has to tell or to ask. Returns false if the server's share is over.
bool SharedLimits::add_visit(const std::shared_ptr<LimitCounter>& c, const std::string& subject,
                             const Moment& now, Wishes& wishes) {
  c->advance(now, shares_.zone());
  Lease& lease = *c->lease();
  if (lease.granted == 0) return false;
  const int64_t left = c->left(now), spare = spare_of(*c, now);
  const bool idle = common_->stop || now.elapsed - lease.taken >= kIdle;
  const bool permits = c->kind() == LimitKind::concurrency || c->kind() == LimitKind::budget;
  const bool old = permits && now.elapsed - lease.renewed >= kRenew;
  ShareWish w = wish_of(c, subject, now);
  w.back = std::max<int64_t>(0, idle ? left : lease.wants_visit ? left - spare : 0);
  w.held -= w.back;
  w.ahead = lease.wants_visit && !idle && left * 4 < spare && now.elapsed >= lease.next_ahead;
  lease.wants_visit = false;
  if (w.back == 0 && !w.ahead && !old) return true;
  lease.granted -= w.back;
  wishes.push_back(std::move(w));
  return true;
}

SharedLimits::Wishes SharedLimits::wishes_of_visit() {
  Wishes wishes;
  const Moment now = common_->watch.now();
  std::erase_if(common_->shares, [&](const auto& share) {
    return wishes.size() < kWishesMax && !add_visit(share.first, share.second, now, wishes);
  });
  return wishes;
}

// The end of a window is reckoned from before the question, so that it comes a little early here, never late.
void SharedLimits::apply(const Wishes& wishes, const std::vector<ShareAnswer>& answers, Micros asked_at) {
  for (size_t i = 0; i < wishes.size(); ++i) {
    LimitCounter& c = *wishes[i].counter;
    const ShareAnswer& a = answers[i];
    if (!c.follow(a.window, asked_at + a.remaining)) continue;
    Lease& lease = *c.lease();
    lease.granted += a.granted;
    lease.others = a.taken - lease.granted;
    lease.held = std::min(a.held, lease.others);
    lease.renewed = asked_at;
    const Micros later = std::min(asked_at + kAskAgain, lease.ends);
    if (a.granted < wishes[i].most) lease.next_ask = later;
    if (a.granted < wishes[i].most || (wishes[i].ahead && a.granted == 0)) lease.next_ahead = later;
    if (lease.granted > 0) common_->shares.emplace(wishes[i].counter, wishes[i].subject);
  }
}

void SharedLimits::undo(const Wishes& wishes) {
  for (const ShareWish& w : wishes)
    if (w.counter->lease()->window == w.window) w.counter->lease()->granted += w.back;
}

// What was spent is read outside of the transaction; only wishes that need it are asked again, as the others were granted.
Result<std::vector<ShareAnswer>> SharedLimits::exchange(Wishes& wishes) {
  std::vector<ShareAnswer> answers(wishes.size());
  std::vector<size_t> open(wishes.size());
  std::iota(open.begin(), open.end(), size_t{0});
  for (int round = 0; !open.empty(); ++round) {
    if (round > kRounds) return Error{Code::io, "limits: a budget changes too often to be read"};
    Wishes asked;
    for (const size_t i : open) asked.push_back(wishes[i]);
    AUTARK_TRY(const auto told, shares_.exchange(asked));
    std::vector<size_t> again;
    for (size_t n = 0; n < open.size(); ++n) {
      answers[open[n]] = told[n];
      if (!told[n].asks_spent) continue;
      again.push_back(open[n]);
      if (auto fault = read_spent(wishes[open[n]], told[n].window)) return *fault;
    }
    open.swap(again);
  }
  return answers;
}

std::optional<Error> SharedLimits::read_spent(ShareWish& wish, Micros since) const {
  if (!spent_) return Error{Code::internal, "limits: nobody says what was spent of a budget"};
  const auto spent = spent_(wish.counter->limit(wish.subject), since);
  if (!spent) return spent.error();
  wish.spent = *spent;
  wish.knows_spent = true;
  return {};
}

bool SharedLimits::exchange(Wishes wishes, std::unique_lock<std::mutex>& lock) {
  const Micros asked_at = common_->watch.last().elapsed;
  lock.unlock();
  const auto answers = exchange(wishes);
  lock.lock();
  if (answers) return apply(wishes, *answers, asked_at), true;
  undo(wishes);
  log_warning("limits: the shares of this server cannot be changed: " + answers.error().message);
  away_until_ = common_->watch.now().elapsed + kAway;
  return false;
}

// More is asked for ahead of need.
void SharedLimits::mark(const Holds& holds, const Moment& now) {
  for (const Hold& h : holds) {
    LimitCounter& c = *h.counter;
    c.lease()->taken = now.elapsed;
    if (c.left(now) * 4 >= spare_of(c, now) || now.elapsed < c.lease()->next_ahead) continue;
    c.lease()->wants_visit = common_->visit = true;
  }
  if (common_->visit) common_->wake.notify_one();
}

api::ApiResult<std::unique_ptr<Limits::Reservation>> SharedLimits::admit(const Subject& subject,
                                                                         const Demand& demand) {
  std::unique_lock lock(common_->mutex);
  Holds holds = table_.counters_of(subject);
  const Asked asked{subject, demand};
  bool away = false;
  for (int round = 0; round < kRounds && !away; ++round) {
    if (wishes_of(holds, asked).empty()) break;
    away = common_->watch.last().elapsed < away_until_;
    if (away) break;
    lock.unlock();
    const std::lock_guard one(exchange_mutex_);
    lock.lock();
    // Another request may have got enough for this one, too.
    if (auto wishes = wishes_of(holds, asked); !wishes.empty()) away = !exchange(std::move(wishes), lock);
  }
  const Moment& now = advance(holds);
  auto answer = admissible_answer(holds, demand, now);
  if (auto* fault = std::get_if<api::ApiError>(&answer)) {
    if (!away) return std::move(*fault);
    return api::ApiError{.kind = api::ApiError::Kind::unavailable,
                         .message = "the server cannot find out what is left of a limit; try again later"};
  }
  take(holds, demand, std::get<int64_t>(answer), now);
  mark(holds, now);
  auto allowances = allowances_of(holds, now);
  lock.unlock();
  auto reservation = std::make_unique<SharedReservation>(common_, std::move(holds));
  reservation->answer_max = std::get<int64_t>(answer);
  reservation->allowances = std::move(allowances);
  return std::unique_ptr<Reservation>(std::move(reservation));
}

void SharedLimits::set(std::vector<Limit> limits) {
  const std::lock_guard one(set_mutex_);
  LimitTable table(limits, table_);
  table.each([](const auto& counter, const std::string&) {
    if (!counter->lease()) counter->share();
  });
  {
    const std::lock_guard lock(common_->mutex);
    table.apply();
    std::swap(table, table_);
  }
}

// Returns whether there was something to do and it worked.
bool SharedLimits::visit(std::unique_lock<std::mutex>& lock) {
  lock.unlock();
  const std::lock_guard one(exchange_mutex_);
  lock.lock();
  common_->visit = false;
  const bool away = common_->watch.now().elapsed < away_until_;
  if (away && !common_->stop) return false;
  auto wishes = wishes_of_visit();
  return !wishes.empty() && exchange(std::move(wishes), lock);
}

// At the end all shares are given back.
void SharedLimits::visit_until_stopped() {
  std::unique_lock lock(common_->mutex);
  while (!common_->stop) {
    common_->wake.wait_for(lock, kVisit, [this] { return common_->visit || common_->stop; });
    visit(lock);
  }
  while (visit(lock)) {
  }
}

}  // namespace

std::shared_ptr<Limits> shared_limits(std::shared_ptr<storage::Database> database, std::string server,
                                      Clock clock, std::string time_zone, Spent spent) {
  auto zone = TimeZone::named(time_zone);
  if (!zone) log_warning("limits: " + zone.error().message + "; budgets count days of UTC");
  // How long a share is valid must not depend on a clock that jumps, if the database has one of its own.
  const Clock own = database->is_shared() ? Clock(steady_now) : clock;
  LimitShares shares(std::move(database), std::move(server), std::move(clock),
                     zone ? std::move(*zone) : TimeZone());
  return std::make_shared<SharedLimits>(std::move(shares), own, std::move(spent));
}

}  // namespace autark::platform
