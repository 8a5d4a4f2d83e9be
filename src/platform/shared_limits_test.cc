// Goal: servers that share limits never admit more than a limit together, and under a flood no less than 98 % of it; small
// limits are exact; what a server that has ended held comes free; without the database only what was leased is used.
// Method: two servers in this process on one database, floods over ten
// windows of a clock that the test moves, random settlements; examples of dead servers and a database that fails.
#include <gtest/gtest.h>
#include <atomic>
#include <random>
#include "platform/limit_shares.h"
#include "platform/schema.h"

namespace autark::platform {
namespace {

using ReservationPtr = std::unique_ptr<Limits::Reservation>;

// A database that can be away.
class Frail final : public storage::Database {
 public:
  Frail() : inner_(std::move(storage::open_database("sqlite::memory:")).value()) {}
  std::optional<Error> write(const Work& work) override {
    if (away) return Error{Code::io, "away"};
    ++writes;
    return inner_->write(work);
  }
  std::optional<Error> read(const Work& work) override { return inner_->read(work); }
  std::optional<Error> migrate(std::span<const storage::SchemaStep> steps, size_t version) override {
    return inner_->migrate(steps, version);
  }
  Result<int64_t> version() override { return inner_->version(); }
  bool is_shared() const override { return false; }
  std::string name() const override { return "frail"; }

  std::atomic<bool> away = false;
  std::atomic<int> writes = 0;

 private:
  std::unique_ptr<storage::Database> inner_;
};

struct Servers {
  explicit Servers(std::vector<Limit> all) {
    EXPECT_FALSE(make_tables(*database));
    for (int i = 0; i < 2; ++i) {
      server[i] = make("server" + std::to_string(i));
      server[i]->set(all);
    }
  }
  std::shared_ptr<Limits> make(const std::string& id) {
    return shared_limits(
        database, id, [this] { return now.load(); }, "UTC",
        [this](const Limit&, Micros) -> Result<int64_t> { return spent.load(); });
  }
  ReservationPtr admit(int i, const Demand& d = {}) {
    auto r = server[i]->admit({"a", "w", "k", "m"}, d);
    if (auto* f = std::get_if<api::ApiError>(&r)) return fault = std::move(*f), nullptr;
    return std::move(std::get<ReservationPtr>(r));
  }
  // Floods both servers for a minute; the sum of what `use` returns for each admitted request.
  template <class Use>
  int64_t flood(std::mt19937_64& random, const Demand& d, Use use) {
    int64_t sum = 0;
    for (const Micros end = now + kMinute; now < end; now += 10'000 + Micros(random() % 20'000))
      for (int i = 0; i < 6; ++i)
        if (auto r = admit(int(random() % 2), d)) sum += use(*r);
    now += kSecond;
    return sum;
  }

  std::shared_ptr<Frail> database = std::make_shared<Frail>();
  std::atomic<Micros> now = 20'000 * kDay;
  std::atomic<int64_t> spent = 0;
  api::ApiError fault;
  std::shared_ptr<Limits> server[2];
};

Limit of_key(LimitKind kind, int64_t amount) {
  return {.level = "key", .subject = "k", .kind = kind, .amount = amount};
}
Demand tokens(int64_t prompt, int64_t answer) {
  return {.prompt_tokens = prompt, .answer_max = answer, .answer_least = answer};
}

TEST(SharedLimits, TwoServersAdmitARateTogether) {
  for (const int64_t amount : {6, 60, 1000}) {
    std::mt19937_64 random(3);
    Servers s({of_key(LimitKind::rpm, amount)});
    for (int window = 0; window < 10; ++window) {
      const int64_t admitted = s.flood(random, {}, [](Limits::Reservation& r) { return r.settle(1, 0), 1; });
      EXPECT_LE(admitted, amount);
      EXPECT_GE(admitted, amount - amount / 50) << "window " << window;
    }
  }
}

TEST(SharedLimits, TokensCountAsTheyAreSettled) {
  std::mt19937_64 random(5);
  constexpr int64_t kAmount = 100'000;
  Servers s({of_key(LimitKind::tpm, kAmount)});
  for (int window = 0; window < 10; ++window) {
    const int64_t used = s.flood(random, tokens(40, 160), [&](Limits::Reservation& r) {
      const int64_t tokens = 40 + int64_t(random() % 161);
      return r.settle(tokens, 0), tokens;
    });
    EXPECT_LE(used, kAmount);
    EXPECT_GE(used, kAmount - kAmount / 50) << "window " << window;
  }
}

TEST(SharedLimits, ABudgetIsSpentOnceByAll) {
  std::mt19937_64 random(5);
  Servers s({of_key(LimitKind::budget, 1'000'000)});
  s.spent = 400'000;
  const int64_t used = s.flood(random, {.prompt_cost = 900}, [&](Limits::Reservation& r) {
    const int64_t nanos = 500 + int64_t(random() % 401);
    return r.settle(0, nanos), nanos;
  });
  EXPECT_LE(used, 600'000);
  EXPECT_GE(used, 590'000);
  EXPECT_FALSE(s.admit(0, {.prompt_cost = 50'000}));
  EXPECT_EQ(s.fault.kind, api::ApiError::Kind::quota) << s.fault.message;
}

TEST(SharedLimits, WhatAnotherServerHoldsOfABudgetIsNotSpent) {
  Servers s({of_key(LimitKind::budget, 1000)});
  auto one = s.admit(0, {.prompt_cost = 800});
  ASSERT_TRUE(one);
  EXPECT_FALSE(s.admit(1, {.prompt_cost = 600}));
  EXPECT_EQ(s.fault.kind, api::ApiError::Kind::rate_limited) << "it may come back: " << s.fault.message;
  EXPECT_FALSE(s.admit(1, {.prompt_cost = 1001}));
  EXPECT_EQ(s.fault.kind, api::ApiError::Kind::quota) << s.fault.message;
  one->settle(0, 700);
  one.reset();
  s.server[0] = nullptr;  // gives back what it does not need
  s.now += 30'000;
  EXPECT_FALSE(s.admit(1, {.prompt_cost = 600}));
  EXPECT_EQ(s.fault.kind, api::ApiError::Kind::quota);
  EXPECT_NE(s.fault.message.find("0.0000003 is left"), std::string::npos) << s.fault.message;
  s.now += 30'000;
  EXPECT_TRUE(s.admit(1, {.prompt_cost = 300}));
}

TEST(SharedLimits, ABudgetWhoseSumMustBeReadCostsNoOtherShare) {
  std::mt19937_64 random(7);
  Servers s({of_key(LimitKind::rpm, 600), of_key(LimitKind::budget, 1'000'000'000)});
  const int64_t admitted =
      s.flood(random, {.prompt_cost = 1000}, [](Limits::Reservation& r) { return r.settle(1, 900), 1; });
  EXPECT_LE(admitted, 600);
  EXPECT_GE(admitted, 588) << "the requests that came with the question for the budget are lost";
}

TEST(SharedLimits, PermitsAreSharedAndComeBack) {
  Servers s({of_key(LimitKind::concurrency, 2)});
  auto one = s.admit(0), two = s.admit(1);
  ASSERT_TRUE(one && two);
  EXPECT_FALSE(s.admit(0));
  EXPECT_EQ(s.fault.kind, api::ApiError::Kind::rate_limited);
  one->settle(1, 0);
  one.reset();
  s.now += kSecond;
  for (int i = 0; i < 1000 && !one; ++i) {  // until the thread of server 0 has given it back
    one = s.admit(1);
    s.now += 30'000;
    std::this_thread::yield();
  }
  EXPECT_TRUE(one);
}

TEST(SharedLimits, WhatAServerHeldThatHasEndedComesFree) {
  Servers s({of_key(LimitKind::concurrency, 2), of_key(LimitKind::budget, 1000)});
  LimitShares dead(s.database, "dead", [&] { return s.now.load(); }, {});
  const auto counter = [](LimitKind kind, int64_t amount) {
    auto c = std::make_shared<LimitCounter>(LimitLevel::key, of_key(kind, amount));
    return c->share(), c;
  };
  const auto held = dead.exchange(
      {{.counter = counter(LimitKind::concurrency, 2), .subject = "k", .amount = 2, .least = 2, .most = 2},
       {.counter = counter(LimitKind::budget, 1000),
        .subject = "k",
        .amount = 1000,
        .least = 900,
        .most = 900,
        .knows_spent = true}});
  ASSERT_TRUE(held) << held.error().message;
  EXPECT_FALSE(s.admit(0, {.prompt_cost = 100}));
  s.now += LimitShares::kLease + kSecond;
  s.spent = 300;  // of the 900 that it held
  EXPECT_FALSE(s.admit(0, {.prompt_cost = 701}));
  s.now += kSecond;
  EXPECT_TRUE(s.admit(0, {.prompt_cost = 700}));
}

TEST(SharedLimits, WithoutTheDatabaseOnlyWhatWasLeasedIsUsed) {
  Servers s({of_key(LimitKind::rpm, 800)});
  ASSERT_TRUE(s.admit(0));
  s.database->away = true;
  int admitted = 0;
  for (auto r = s.admit(0); r; r = s.admit(0)) ++admitted, r->settle(1, 0);
  EXPECT_GT(admitted, 0);
  EXPECT_LT(admitted, 400);
  EXPECT_EQ(s.fault.kind, api::ApiError::Kind::unavailable);
  s.database->away = false;
  s.now += 2 * kSecond;
  EXPECT_TRUE(s.admit(0));
}

TEST(SharedLimits, AsksTheDatabaseSeldom) {
  Servers s({of_key(LimitKind::rpm, 10'000), of_key(LimitKind::tpm, 1'000'000)});
  s.server[1] = nullptr;
  for (int i = 0; i < 5000; ++i) {
    auto r = s.admit(0, tokens(10, 30));
    ASSERT_TRUE(r);
    r->settle(40, 0);
    s.now += 1000;
  }
  EXPECT_LT(s.database->writes, 300);
}

TEST(SharedLimits, ServersThatEndGiveTheirSharesBack) {
  Servers s({of_key(LimitKind::rpm, 800)});
  EXPECT_TRUE(s.admit(0));  // its end gives the request back
  s.server[0] = nullptr;
  int admitted = 0;
  for (; admitted < 800; ++admitted) {
    auto r = s.admit(1);
    if (!r) break;
    r->settle(1, 0);
    s.now += 30'000;
  }
  EXPECT_EQ(admitted, 800);
}

}  // namespace
}  // namespace autark::platform
