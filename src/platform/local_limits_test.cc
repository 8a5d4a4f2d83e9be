// Goal: limits of one server are exact: never a request or, once all have settled, a token more than a limit, and never a
// refusal while there is room; also with a clock that jumps.
// Method: random floods against an oracle that adds up all requests anew (limits_oracle.h); then examples of refusals,
// raises, budgets that began before this process, and headers.
#include <gtest/gtest.h>
#include <random>
#include "platform/limits_oracle.h"

namespace autark::platform {
namespace {

using Kind = api::ApiError::Kind;
using ReservationPtr = std::unique_ptr<Limits::Reservation>;

constexpr Micros kStart = 20'000 * kDay;

struct Fixture {
  explicit Fixture(std::vector<Limit> all) : limits(local_limits([this] { return now; }, "UTC", spent())) {
    limits->set(std::move(all));
  }
  Spent spent() {
    return [this](const Limit&, Micros since) -> Result<int64_t> {
      ++asked, asked_since = since;
      if (broken) return Error{Code::io, "the disk is away"};
      return before;
    };
  }
  ReservationPtr admit(const Demand& d = {}, const Subject& s = {"a", "w", "k", "m"}) {
    auto r = limits->admit(s, d);
    if (auto* f = std::get_if<api::ApiError>(&r)) return fault = std::move(*f), nullptr;
    return std::move(std::get<ReservationPtr>(r));
  }

  Micros now = kStart;
  int64_t before = 0, asked = 0;
  Micros asked_since = -1;
  bool broken = false;
  api::ApiError fault;
  std::shared_ptr<Limits> limits;
};

Limit of_key(LimitKind kind, int64_t amount) {
  return {.level = "key", .subject = "k", .kind = kind, .amount = amount};
}
Demand tokens(int64_t prompt, int64_t answer) {
  return {.prompt_tokens = prompt, .answer_max = answer, .answer_least = answer};
}

// A flood of requests of a few subjects, whose limits lie at several levels.
class Flood {
 public:
  explicit Flood(uint64_t seed) : random_(seed), oracle_(some_limits()) {
    oracle_.spent_before = 50;
    now_ = kStart + below(kDay);
    oracle_.move_to(now_), oracle_.elapsed = 0;
    limits_ = local_limits([this] { return now_; }, "UTC",
                           [](const Limit& l, Micros since) -> Result<int64_t> {
                             return l.period == "total" && since == 0 ? 50 : 0;
                           });
    limits_->set(oracle_.limits);
  }
  void run(int steps) {
    for (int i = 0; i < steps && !testing::Test::HasFailure(); ++i) {
      step_clock();
      const int64_t choice = below(10);
      if (choice < 6)
        admit();
      else if (choice < 9)
        end_one();
      else
        change_amounts();
    }
  }

 private:
  int64_t below(int64_t n) { return int64_t(random_() % uint64_t(n)); }

  std::vector<Limit> some_limits() {
    std::vector<Limit> all;
    const char* levels[] = {"account", "workspace", "key", "model"};
    const char* subjects[] = {"a", "w", "k", "m"};
    for (int level = 0; level < 4; ++level)
      for (int kind = 0; kind < 5; ++kind) {
        if (below(3) == 0) continue;
        const int64_t most = kind == int(LimitKind::tpm) ? 400 : kind == int(LimitKind::budget) ? 2000 : 12;
        all.push_back({.level = levels[level],
                       .subject = subjects[level] + std::to_string(below(2)),
                       .model = level < 3 && below(3) == 0 ? "m0" : "",
                       .kind = LimitKind(kind),
                       .amount = 1 + below(most),
                       .period = below(2) ? "total" : "day"});
      }
    return all;
  }
  // The oracle's clock moves when the limits read theirs.
  void step_clock() {
    const int64_t how = below(20);
    if (how < 12)
      now_ += below(kSecond);
    else if (how < 15)
      now_ += below(20 * kSecond);
    else if (how < 17)
      now_ -= below(90 * kSecond);
    else if (how == 17)
      now_ += below(kDay);
  }
  void admit() {
    const Subject s{"a" + std::to_string(below(2)), "w" + std::to_string(below(2)),
                    "k" + std::to_string(below(2)), "m" + std::to_string(below(2))};
    Demand d{.prompt_tokens = below(40),
             .answer_max = below(60),
             .prompt_cost = below(50),
             .answer_token_cost = below(4) * 1'000'000};
    d.answer_least = below(2) ? d.answer_max : std::min<int64_t>(d.answer_max, 5);
    oracle_.move_to(now_);
    const auto expected = oracle_.admit(s, d);
    auto got = limits_->admit(s, d);
    const auto* fault = std::get_if<api::ApiError>(&got);
    ASSERT_EQ(!fault, expected.admitted) << (fault ? fault->message : "");
    if (fault) return check(*fault, expected, d, s);
    auto& reservation = std::get<ReservationPtr>(got);
    EXPECT_EQ(reservation->answer_max, expected.answer);
    running_.emplace_back(oracle_.requests.size() - 1, std::move(reservation));
  }
  void check(const api::ApiError& fault, const LimitsOracle::Verdict& expected, const Demand& d,
             const Subject& s) {
    const bool never = std::ranges::any_of(oracle_.limits, [&](const Limit& l) {
      return l.kind != LimitKind::budget && LimitsOracle::counts(l, s) &&
             LimitsOracle::need(l, d, d.answer_least) > oracle_.amount(l);
    });
    if (never) {
      EXPECT_EQ(fault.retry_seconds, 0) << fault.message;
      return;
    }
    EXPECT_EQ(fault.kind, expected.quota ? Kind::quota : Kind::rate_limited) << fault.message;
    EXPECT_NEAR(fault.retry_seconds, expected.quota ? 0 : expected.wait, 1e-9) << fault.message;
  }
  void end_one() {
    if (running_.empty()) return;
    const size_t i = size_t(below(std::ssize(running_)));
    auto& [number, reservation] = running_[i];
    LimitsOracle::Request& r = oracle_.requests[number];
    r.running = false;
    if (below(4) == 0) {
      r.dropped = true;
    } else {
      oracle_.move_to(now_);
      r.tokens = below(r.tokens + 1), r.nanos = below(r.nanos + 1);
      reservation->settle(r.tokens, r.nanos);
    }
    running_.erase(running_.begin() + std::ptrdiff_t(i));
  }
  void change_amounts() {
    if (oracle_.limits.empty()) return;
    Limit& l = oracle_.limits[size_t(below(std::ssize(oracle_.limits)))];
    if (below(2))
      l.amount = 1 + below(l.amount * 2);
    else
      l.raised = l.amount + below(20), l.until = now_ + below(kMinute);
    limits_->set(oracle_.limits);
  }

  std::mt19937_64 random_;
  Micros now_ = 0;
  LimitsOracle oracle_;
  std::shared_ptr<Limits> limits_;
  std::vector<std::pair<size_t, ReservationPtr>> running_;
};

TEST(LocalLimits, DecidesLikeTheOracle) {
  for (uint64_t seed = 1; seed <= 150 && !HasFailure(); ++seed) {
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    Flood(seed).run(300);
  }
}

// A flood that only this limit bounds, over ten windows.
TEST(LocalLimits, AdmitsExactlyTheLimitInEachOfTenWindows) {
  Fixture f({of_key(LimitKind::rpm, 60), of_key(LimitKind::tpm, 100'000)});
  for (int window = 0; window < 10; ++window) {
    int admitted = 0;
    const Micros begin = f.now;
    while (f.now < begin + kMinute) {
      for (int i = 0; i < 7; ++i)
        if (auto r = f.admit(tokens(10, 90))) ++admitted, r->settle(50, 0);
      f.now += 500'000;
      if (f.now % 3 == 0) f.now -= 100'000;  // now and then it goes back, which counts as standing still
    }
    EXPECT_EQ(admitted, 60) << window;
    f.now = begin + kMinute;
  }
}

TEST(LocalLimits, SaysWhichLimitOfWhichLevelAndWhenThereIsRoom) {
  Fixture f({of_key(LimitKind::rpm, 1),
             {.level = "account", .subject = "a", .model = "m", .kind = LimitKind::rpm, .amount = 5}});
  const auto first = f.admit();
  ASSERT_TRUE(first);
  f.now += 48 * kSecond;
  EXPECT_FALSE(f.admit());
  EXPECT_EQ(f.fault.kind, Kind::rate_limited);
  EXPECT_EQ(f.fault.message, "the key's limit of 1 requests a minute is used up");
  EXPECT_EQ(f.fault.retry_seconds, 12);
  f.now += 12 * kSecond;
  EXPECT_TRUE(f.admit());
}

TEST(LocalLimits, ARequestThatCanNeverFitSaysSo) {
  Fixture f({of_key(LimitKind::tpm, 1000)});
  EXPECT_FALSE(f.admit(tokens(600, 500)));
  EXPECT_EQ(f.fault.kind, Kind::rate_limited);
  EXPECT_EQ(f.fault.retry_seconds, 0);
  EXPECT_NE(f.fault.message.find("reduce max_tokens or the prompt"), std::string::npos) << f.fault.message;
}

TEST(LocalLimits, AnAnswerWithoutMaximumGetsWhatIsLeft) {
  Fixture f({of_key(LimitKind::tpm, 1000), of_key(LimitKind::budget, 10'000)});
  Demand d{.prompt_tokens = 100,
           .answer_max = 5000,
           .answer_least = 256,
           .prompt_cost = 1000,
           .answer_token_cost = 30'000'000};
  const auto r = f.admit(d);
  ASSERT_TRUE(r);
  EXPECT_EQ(r->answer_max, 300);  // by the budget: 9000 nanos at 30 a token
  EXPECT_FALSE(f.admit(d));
  r->settle(101, 1030);
  EXPECT_EQ(f.admit(d)->answer_max, 265);  // 10000 - 1030 - 1000
}

TEST(LocalLimits, ABudgetCountsWhatWasSpentBeforeAndItsPeriodsBegin) {
  Limit daily = of_key(LimitKind::budget, 1000);
  daily.period = "day", daily.currency = "CNY";
  Fixture f({daily});
  f.before = 900;
  f.now += 5 * kSecond;
  const Demand d{.prompt_cost = 100};
  f.admit(d)->settle(0, 100);
  EXPECT_EQ(f.asked_since, kStart);
  EXPECT_FALSE(f.admit(d));
  EXPECT_EQ(f.fault.kind, Kind::quota);
  EXPECT_EQ(f.fault.message, "the key's budget of 0.000001 CNY a day is used up");
  f.before = 0;
  f.now += kDay;
  EXPECT_TRUE(f.admit(d));
  EXPECT_EQ(f.asked, 2);
  EXPECT_EQ(f.asked_since, kStart + kDay);
}

TEST(LocalLimits, AMonthBeginsWithItsFirstDay) {
  Limit monthly = of_key(LimitKind::budget, 1000);
  monthly.period = "month";
  Fixture f({monthly});
  f.now = 20'089 * kDay + 7;  // 2025-01-01
  f.admit();
  EXPECT_EQ(f.asked_since, 20'089 * kDay);
  f.now = 20'119 * kDay;  // the 31st
  f.admit();
  EXPECT_EQ(f.asked, 1);
  f.now = 20'120 * kDay;
  f.admit();
  EXPECT_EQ(f.asked_since, 20'120 * kDay);
}

TEST(LocalLimits, MoneyThatOthersMayStillGiveBackIsWorthWaitingFor) {
  Fixture f({of_key(LimitKind::budget, 1000)});
  const auto running = f.admit({.prompt_cost = 800});
  EXPECT_FALSE(f.admit({.prompt_cost = 300}));
  EXPECT_EQ(f.fault.kind, Kind::rate_limited);
  EXPECT_EQ(f.fault.retry_seconds, 1);
  EXPECT_FALSE(f.admit({.prompt_cost = 1300}));
  EXPECT_EQ(f.fault.kind, Kind::quota);
}

TEST(LocalLimits, AnUnreadableLedgerRefusesAndIsAskedAgain) {
  Fixture f({of_key(LimitKind::budget, 1000)});
  f.broken = true;
  EXPECT_FALSE(f.admit());
  EXPECT_EQ(f.fault.kind, Kind::unavailable);
  EXPECT_EQ(f.fault.message.find("disk"), std::string::npos);
  f.broken = false;
  EXPECT_TRUE(f.admit());
}

TEST(LocalLimits, TellsTheTightestAllowances) {
  Fixture f({of_key(LimitKind::rpm, 10),
             of_key(LimitKind::tpm, 1000),
             {.level = "workspace", .subject = "w", .kind = LimitKind::rpm, .amount = 3}});
  const auto r = f.admit(tokens(100, 50));
  ASSERT_EQ(r->allowances.size(), 2U);
  EXPECT_EQ(r->allowances[0].of, "requests");
  EXPECT_EQ(r->allowances[0].limit, 3);
  EXPECT_EQ(r->allowances[0].remaining, 2);
  EXPECT_EQ(r->allowances[0].reset_seconds, 60);
  EXPECT_EQ(r->allowances[1].of, "tokens");
  EXPECT_EQ(r->allowances[1].remaining, 850);
}

TEST(LocalLimits, ALimitThatIsSetAgainKeepsWhatIsUsed) {
  Fixture f({of_key(LimitKind::rpm, 2)});
  const auto one = f.admit(), two = f.admit();
  f.limits->set({of_key(LimitKind::rpm, 3), of_key(LimitKind::concurrency, 9)});
  const auto three = f.admit();
  EXPECT_TRUE(three);
  EXPECT_FALSE(f.admit());
  f.limits->set({});
  EXPECT_TRUE(f.admit());
}

TEST(LocalLimits, ReservationsMayOutliveTheLimits) {
  ReservationPtr r;
  {
    Fixture f({of_key(LimitKind::concurrency, 1)});
    f.limits = local_limits(system_now, "UTC", {});
    f.limits->set({of_key(LimitKind::concurrency, 1)});
    r = f.admit();
    EXPECT_FALSE(f.admit());
  }
  r->settle(1, 1);
}

TEST(LimitKinds, HaveNames) {
  for (const LimitKind kind :
       {LimitKind::rpm, LimitKind::tpm, LimitKind::concurrency, LimitKind::burst, LimitKind::budget})
    EXPECT_EQ(*limit_kind_named(name_of(kind)), kind);
  EXPECT_FALSE(limit_kind_named("rps"));
}

TEST(LocalLimits, MinutesAreThoseOfTheSteadyClock) {
  Micros wall = kStart, steady = 0;
  const auto limits = local_limits([&] { return wall; }, "UTC", {}, [&] { return steady; });
  limits->set({of_key(LimitKind::rpm, 1)});
  const auto admits = [&] {
    auto r = limits->admit({"a", "w", "k", "m"}, {});
    auto* reservation = std::get_if<ReservationPtr>(&r);
    if (reservation) (*reservation)->settle(1, 0);
    return reservation != nullptr;
  };
  EXPECT_TRUE(admits());
  for (const Micros jump : {kDay, -2 * kDay, 400 * kDay, -kMinute}) {
    wall += jump;
    EXPECT_FALSE(admits()) << "a clock that jumps ends no minute";
  }
  steady += kMinute;
  EXPECT_TRUE(admits());
}

}  // namespace
}  // namespace autark::platform
