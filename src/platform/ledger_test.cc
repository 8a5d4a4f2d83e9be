// Goal: every request is booked once and exactly, whatever the database and other servers do, and the books add up.
// Method: properties over random requests, credits and faults, with an oracle; then the rules one by one. On SQLite, and on
// PostgreSQL with AUTARK_TEST_POSTGRES.
#include "platform/ledger.h"
#include <map>
#include <random>
#include <set>
#include <thread>
#include "platform/charge_json.h"
#include "platform/ledger_testing.h"

namespace autark::platform {
namespace {

Charge random_charge(std::mt19937_64& random, int number) {
  const auto some = [&](int64_t most) { return int64_t(random() % uint64_t(most)); };
  Charge c = charge("r" + std::to_string(number));
  c.time += some(3 * 3600) * kSecond;
  c.account = some(4) ? "a1" : "a2";
  c.workspace = "w" + std::to_string(some(3));
  c.key = c.workspace + "k" + std::to_string(some(3));
  c.model = some(3) ? "m1" : "m2";
  c.user = some(2) ? "u" + std::to_string(some(5)) : "";
  c.service = some(5) ? "standard" : "batch";
  c.outcome = some(6) ? "complete" : some(2) ? "aborted" : "failed";
  if (some(8)) c.tokens = {some(5000), some(5000), some(100), some(3000), some(1000)};
  if (some(10) == 0) c.quote = {};
  return c;
}

TEST_P(LedgerTest, RandomRequestsCreditsAndFaultsAddUp) {
  std::mt19937_64 random(GetParam() == "Sqlite" ? 1 : 2);
  database->lose_before = 7;
  database->lose_after = 5;
  std::vector<Charge> charges;
  for (int i = 0; i < 1500; ++i) charges.push_back(random_charge(random, i));
  int64_t granted = 0;
  {
    Ledger one(database, options("s1")), two(database, options("s2"));
    Ledger by_hand(inner, options(""));
    EXPECT_FALSE(by_hand.deposit("a1", {50 * kCny, "CNY"}, "d1"));
    Outcomes outcomes;
    for (size_t i = 0; i < charges.size(); ++i) {
      Ledger& ledger = random() % 2 ? one : two;
      ledger.begin(charges[i]);
      if (random() % 3 == 0) ledger.note(charges[i].id, {.input = 1});
      ledger.settle(charges[i], outcomes.of(charges[i].id));
      if (random() % 10 == 0) two.settle(charges[i], [](auto) {});  // a retry, elsewhere
      if (random() % 100 == 0) {
        const int64_t amount = int64_t(random() % 40'000'000) + 1;
        const bool in_tokens = random() % 2;
        granted += in_tokens ? 0 : amount;
        EXPECT_TRUE(by_hand.grant({.account = "a1",
                                   .kind = random() % 2 ? "pack" : "free",
                                   .unit = in_tokens ? "tokens" : "CNY",
                                   .model = random() % 2 ? "" : "m1",
                                   .amount = amount,
                                   .expires = now + int64_t(random() % 4 * 3600) * kSecond + 1}));
      }
      if (i % 200 == 0) outcomes.wait(i / 2);
    }
    outcomes.wait(charges.size());
    for (size_t i = 0; i < charges.size(); ++i) EXPECT_FALSE(outcomes.fault(i)) << outcomes.fault(i)->message;
  }
  Ledger ledger(inner, options(""));
  expect_sound(ledger);
  std::map<std::string, int64_t> cost;
  for (const Charge& c : charges) cost[c.account] += c.quote.cost(c.tokens);
  EXPECT_EQ(number("SELECT COUNT(*) FROM usage"), int64_t(charges.size()));
  for (const auto& [account, sum] : cost) {
    EXPECT_EQ(number("SELECT CAST(SUM(cost) AS BIGINT) FROM usage WHERE account = '" + account + "'"), sum);
    EXPECT_EQ(ledger.balance(account)->spent, sum);
    EXPECT_EQ(*ledger.spent("account", account, "", 0), sum);
  }
  EXPECT_EQ(
      number("SELECT CAST(SUM(amount) AS BIGINT) FROM book WHERE unit = 'CNY' AND name NOT LIKE 'revenue:%'"),
      -cost["a1"] - cost["a2"])
      << "what was earned is what all other books lost";
  EXPECT_EQ(ledger.balance("a2")->topped_up, -cost["a2"]);
  EXPECT_EQ(number("SELECT COUNT(*) FROM reservation"), 0);
  EXPECT_EQ(number("SELECT COUNT(*) FROM server"), 0) << "both servers ended in order";
  EXPECT_GT(granted, 0);
}

TEST_P(LedgerTest, ARequestIsBookedOnceWhoeverAsks) {
  Ledger one(database, options("s1")), two(database, options("s2"));
  for (int round = 0; round < 20; ++round) {
    std::vector<Charge> charges;
    for (int i = 0; i < 10; ++i) charges.push_back(charge("r" + std::to_string(round * 10 + i)));
    charges.push_back(charges.front());
    std::thread other([&] { settle(two, charges); });
    settle(one, charges);
    other.join();
  }
  EXPECT_EQ(number("SELECT COUNT(*) FROM usage"), 200);
  expect_sound(one);
}

TEST_P(LedgerTest, ACommitWhoseOutcomeIsUnknownIsNotRepeated) {
  Ledger ledger(database, options("s1"));
  database->lose_after = 2;
  for (int i = 0; i < 10; ++i) settle(ledger, {charge("r" + std::to_string(i))});
  EXPECT_EQ(number("SELECT COUNT(*) FROM usage"), 10);
  expect_sound(ledger);
}

TEST_P(LedgerTest, ADatabaseThatIsAwayIsSaidAndWhatWaitedIsBookedInOrder) {
  auto o = options("s1");
  o.patience = std::chrono::milliseconds(50);
  Ledger ledger(database, o);
  settle(ledger, {charge("first")});
  database->away = true;
  Outcomes outcomes;
  for (int i = 0; i < 300; ++i) {
    const std::string id = "r" + std::to_string(i);
    ledger.settle(charge(id), outcomes.of(id));
  }
  outcomes.wait(300);
  EXPECT_TRUE(ledger.is_behind());
  EXPECT_EQ(ledger.waiting(), 300u);
  for (int i = 0; i < 300; ++i) {
    ASSERT_TRUE(outcomes.fault(size_t(i)));
    EXPECT_EQ(outcomes.fault(size_t(i))->code, Code::io);
    EXPECT_EQ(outcomes.ids()[size_t(i)], "r" + std::to_string(i));
  }
  EXPECT_EQ(number("SELECT COUNT(*) FROM usage"), 1);
  database->away = false;
  settle(ledger, {charge("last")});
  EXPECT_EQ(number("SELECT COUNT(*) FROM usage"), 302) << "those before it are durable, too";
  EXPECT_EQ(outcomes.ids().size(), 300u) << "done is called once";
  EXPECT_FALSE(ledger.is_behind());
  EXPECT_EQ(number("SELECT COUNT(*) FROM usage a JOIN usage b ON b.id = 'r' || CAST(CAST(SUBSTR(a.id, 2) AS "
                   "BIGINT) + 1 "
                   "AS TEXT) WHERE a.id LIKE 'r%' AND b.number < a.number"),
            0);
  expect_sound(ledger);
}

TEST_P(LedgerTest, TheQueueIsBounded) {
  auto o = options("s1");
  o.waiting_max = 5;
  o.patience = std::chrono::milliseconds(20);
  Outcomes outcomes;
  {
    Ledger ledger(database, o);
    database->away = true;
    for (int i = 0; i < 8; ++i)
      ledger.settle(charge("r" + std::to_string(i)), outcomes.of(std::to_string(i)));
    EXPECT_EQ(ledger.waiting(), 5u);
  }
  EXPECT_EQ(outcomes.ids().size(), 8u) << "also those that a stopping ledger could not write are told";
  std::map<Code, int> codes;
  for (size_t i = 0; i < 8; ++i) ++codes[outcomes.fault(i)->code];
  EXPECT_EQ(codes[Code::exhausted], 3);
  EXPECT_EQ(codes[Code::io], 5);
}

TEST_P(LedgerTest, AChargeThatCannotBeBookedDoesNotHoldUpOthers) {
  Ledger ledger(database, options("s1"));
  Charge huge = charge("huge");
  huge.quote.rates = {INT64_MAX, 0, 0, 0, 0};
  huge.tokens = {.input = 1'000'000'000};
  settle(ledger, {charge("before")});
  Outcomes outcomes;
  ledger.settle(charge("a"), outcomes.of("a"));
  ledger.settle(huge, outcomes.of("huge"));
  ledger.settle(
      huge =
          [&] {
            Charge again = huge;
            again.id = "huge2";
            return again;
          }(),
      outcomes.of("huge2"));
  ledger.settle(charge("b"), outcomes.of("b"));
  outcomes.wait(4);
  EXPECT_EQ(outcomes.ids(), (std::vector<std::string>{"a", "huge", "huge2", "b"}));
  EXPECT_FALSE(outcomes.fault(0));
  EXPECT_FALSE(outcomes.fault(3));
  EXPECT_TRUE(outcomes.fault(1) || outcomes.fault(2));
  expect_sound(ledger);
}

// Waits until the database has a row, by asking it.
#define WAIT_FOR(sql, wanted) \
  while (number(sql) != (wanted)) std::this_thread::yield()

TEST_P(LedgerTest, WhatAnEndedServerLeftIsBookedOnceAsItWasNoted) {
  auto one = std::make_unique<Ledger>(database, options("s1"));
  for (int i = 0; i < 20; ++i) {
    one->begin(charge("r" + std::to_string(i)));
    one->note("r" + std::to_string(i), {.input = 1000, .output = i});
  }
  WAIT_FOR("SELECT COUNT(*) FROM reservation WHERE charge NOT LIKE '%[1000,0,0,100,0]%'", 20);
  Ledger by_hand(inner, options(""));
  EXPECT_EQ(*by_hand.recover(), 0) << "the lease holds";
  now += 60 * kSecond;
  database->away = true;  // the server cannot renew it
  std::atomic<int64_t> recovered = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i)
    threads.emplace_back([&] { recovered += *Ledger(inner, options("")).recover(); });
  for (std::thread& t : threads) t.join();
  database->away = false;
  EXPECT_EQ(recovered, 20);
  EXPECT_EQ(number("SELECT COUNT(*) FROM usage WHERE outcome = 'lost'"), 20);
  EXPECT_EQ(number("SELECT CAST(SUM(output) AS BIGINT) FROM usage"), 190);
  // The server lives after all, and ends its requests.
  Outcomes outcomes;
  Charge same = charge("r7", 1000, 7);
  one->settle(charge("r3", 1000, 500), outcomes.of("r3"));
  one->settle(same, outcomes.of("r7"));
  outcomes.wait(2);
  ASSERT_TRUE(outcomes.fault(0));
  EXPECT_EQ(outcomes.fault(0)->code, Code::cancelled)
      << "its client must not be told another usage than was booked";
  EXPECT_FALSE(outcomes.fault(1)) << "what was booked is what was used";
  settle(*one, {charge("new")});
  EXPECT_EQ(number("SELECT COUNT(*) FROM usage"), 21);
  one.reset();
  EXPECT_EQ(*by_hand.recover(), 0);
  EXPECT_EQ(number("SELECT COUNT(*) FROM server"), 0);
  expect_sound(by_hand);
}

TEST_P(LedgerTest, AServerWhoseClockIsAheadTakesNobodyForEnded) {
  Ledger one(database, options("s1"));
  one.begin(charge("r1"));
  WAIT_FOR("SELECT COUNT(*) FROM reservation", 1);
  Ledger::Options ahead = options("s2");
  ahead.clock = [this] { return now.load() + 3600 * kSecond; };
  Ledger two(inner, ahead);
  settle(two, {charge("r2")});
  settle(two, {charge("r3")});  // between the two it has looked after the others
  settle(one, {charge("r1")});
  EXPECT_EQ(number("SELECT COUNT(*) FROM usage WHERE outcome = 'complete'"), 3);
}

TEST_P(LedgerTest, AServerThatIsSilentForALeaseHasEnded) {
  run("INSERT INTO server (id, name, started, alive_until) VALUES ('gone', 'gone', 0, 4000000000000000)");
  run("INSERT INTO reservation (id, server, time, charge) VALUES ('r1', 'gone', 0, '" +
      charge_text(charge("r1")) + "')");
  Ledger::Options short_lease = options("s1");
  short_lease.lease = std::chrono::milliseconds(30);
  Ledger one(database, short_lease);
  WAIT_FOR("SELECT COUNT(*) FROM usage WHERE outcome = 'lost'", 1);
  EXPECT_EQ(number("SELECT COUNT(*) FROM reservation"), 0);
  EXPECT_EQ(number("SELECT COUNT(*) FROM server WHERE id = 'gone'"), 0) << "whatever its clock said";
}

TEST_P(LedgerTest, WhatAServerLeftThatEndedInOrderIsBookedToo) {
  { Ledger(database, options("s1")).begin(charge("r1")); }
  EXPECT_EQ(number("SELECT COUNT(*) FROM reservation"), 1);
  Ledger two(database, options("s2"));
  WAIT_FOR("SELECT COUNT(*) FROM usage WHERE outcome = 'lost'", 1);
  expect_sound(two);
}

TEST_P(LedgerTest, CreditsPayInTheirOrderAndExpire) {
  Ledger ledger(database, options("s1"));
  const auto grant = [&](const std::string& id, const std::string& unit, int64_t amount, Micros expires) {
    const auto credit = ledger.grant(
        {.id = id, .account = "a1", .kind = "free", .unit = unit, .amount = amount, .expires = expires});
    ASSERT_TRUE(credit) << credit.error().message;
  };
  grant("late", "CNY", kCny, now + 90 * kSecond);
  grant("soon", "CNY", 1'000'000, now + 10 * kSecond);
  grant("tokens", "tokens", 100, 0);
  settle(ledger,
         {charge("r1", 1000, 100)});  // 1,000,000 + 400,000 nanos, of which 100 tokens are in the pack
  EXPECT_EQ(number("SELECT used FROM credit WHERE id = 'tokens'"), 100);
  EXPECT_EQ(number("SELECT used FROM credit WHERE id = 'soon'"), 1'000'000);
  EXPECT_EQ(number("SELECT used FROM credit WHERE id = 'late'"), 300'000);
  EXPECT_EQ(ledger.balance("a1")->granted, kCny - 300'000);
  EXPECT_EQ(ledger.balance("a1")->topped_up, 0);
  EXPECT_EQ(ledger.balance("a1")->spent, 1'400'000);
  Charge after = charge("r2");
  after.time = now + 90 * kSecond;
  settle(ledger, {after});
  EXPECT_EQ(ledger.balance("a1")->topped_up, -1'400'000) << "expired";
  now += 91 * kSecond;
  EXPECT_EQ(ledger.balance("a1")->granted, 0);
  EXPECT_EQ(ledger.balance("a1")->total(), -1'400'000);
  EXPECT_EQ(ledger.credits("a1")->size(), 3u);
  expect_sound(ledger);
}

TEST_P(LedgerTest, DepositsAndCreditsAreBookedOnceAndChecked) {
  Ledger ledger(database, options(""));
  for (int i = 0; i < 2; ++i) EXPECT_FALSE(ledger.deposit("a1", {5 * kCny, "CNY"}, "d1"));
  EXPECT_EQ(ledger.deposit("a1", {6 * kCny, "CNY"}, "d1")->code, Code::invalid);
  EXPECT_EQ(ledger.deposit("a2", {5 * kCny, "CNY"}, "d1")->code, Code::invalid);
  EXPECT_EQ(ledger.deposit("a1", {5 * kCny, "USD"}, "d2")->code, Code::invalid);
  EXPECT_EQ(ledger.deposit("a1", {0, "CNY"}, "d2")->code, Code::invalid);
  EXPECT_EQ(ledger.deposit("a1", {INT64_MAX, "CNY"}, "d2")->code, Code::invalid);
  EXPECT_EQ(ledger.deposit("a9", {kCny, "CNY"}, "d2")->code, Code::not_found);
  EXPECT_FALSE(ledger.deposit("a1", {-kCny, "CNY"}, "out"));
  EXPECT_EQ(ledger.balance("a1")->topped_up, 4 * kCny);
  EXPECT_EQ(ledger.balance("a9").error().code, Code::not_found);
  const Credit pack{
      .id = "p", .account = "a1", .kind = "pack", .unit = "tokens", .model = "m1", .amount = 1000};
  for (int i = 0; i < 2; ++i) EXPECT_TRUE(ledger.grant(pack));
  EXPECT_EQ(ledger.credits("a1")->size(), 1u);
  for (auto change : std::initializer_list<std::function<void(Credit&)>>{
           [](Credit& c) { c.amount = 0; }, [](Credit& c) { c.amount = 2000; },
           [](Credit& c) { c.kind = "gift"; }, [](Credit& c) { c.unit = "USD"; },
           [](Credit& c) { c.unit = "words"; }, [](Credit& c) { c.expires = 1; }}) {
    Credit other = pack;
    change(other);
    EXPECT_FALSE(ledger.grant(other));
  }
  expect_sound(ledger);
}

TEST_P(LedgerTest, LabelsOfClientsCannotHarm) {
  Ledger ledger(database, options("s1"));
  std::vector<Charge> charges;
  for (const std::string& user :
       {std::string("a\0b", 3), std::string("\xff\xfe"), std::string("'; DROP TABLE usage; --"),
        std::string(10'000, 'x'), std::string(300, '\xe4')}) {
    Charge c = charge("r" + std::to_string(charges.size()));
    c.user = user;
    ledger.begin(c);
    charges.push_back(c);
  }
  WAIT_FOR("SELECT COUNT(*) FROM reservation", 5);
  settle(ledger, charges);
  EXPECT_EQ(number("SELECT COUNT(*) FROM usage"), 5);
  EXPECT_EQ(number("SELECT COUNT(*) FROM usage WHERE end_user = 'ab'"), 1);
  expect_sound(ledger);
}

TEST_P(LedgerTest, AnAuditFindsWhatIsWrong) {
  Ledger ledger(database, options("s1"));
  ASSERT_TRUE(ledger.grant({.id = "c", .account = "a1", .kind = "free", .unit = "CNY", .amount = 1000}));
  settle(ledger, {charge("r1"), charge("r2")});
  expect_sound(ledger);
  ASSERT_FALSE(inner->migrate(schema_steps(), 2)) << "else the database refuses such changes";
  const std::pair<const char*, const char*> damages[] = {
      {"UPDATE posting SET amount = amount + 1 WHERE entry = 'r1' AND book = 'revenue:a1'",
       "UPDATE posting SET amount = amount - 1 WHERE entry = 'r1' AND book = 'revenue:a1'"},
      {"UPDATE book SET amount = amount + 1 WHERE name = 'balance:a1'",
       "UPDATE book SET amount = amount - 1 WHERE name = 'balance:a1'"},
      {"INSERT INTO book (name, unit, amount) VALUES ('x', 'CNY', 1)", "DELETE FROM book WHERE name = 'x'"},
      {"UPDATE usage SET cost = cost + 1 WHERE id = 'r1'",
       "UPDATE usage SET cost = cost - 1 WHERE id = 'r1'"},
      {"UPDATE usage SET input = input + 1 WHERE id = 'r1'",
       "UPDATE usage SET input = input - 1 WHERE id = 'r1'"},
      {"UPDATE usage_hour SET requests = requests + 1", "UPDATE usage_hour SET requests = requests - 1"},
      {"UPDATE credit SET used = used - 1", "UPDATE credit SET used = used + 1"}};
  for (const auto& [damage, repair] : damages) {
    run(damage);
    EXPECT_TRUE(ledger.audit()) << damage;
    run(repair);
    expect_sound(ledger);
  }
}

TEST_P(LedgerTest, SpentCountsFromTheMicrosecondOn) {
  Ledger ledger(database, options("s1"));
  std::mt19937_64 random(4);
  std::vector<Charge> charges;
  for (int i = 0; i < 200; ++i) charges.push_back(random_charge(random, i));
  settle(ledger, charges);
  for (int i = 0; i < 100; ++i) {
    const Charge& at = charges[random() % charges.size()];
    const Micros since = at.time + int64_t(random() % 3) - 1;
    int64_t workspace = 0, key = 0, model = 0;
    for (const Charge& c : charges) {
      if (c.time < since) continue;
      const int64_t cost = c.quote.cost(c.tokens);
      workspace += c.workspace == at.workspace ? cost : 0;
      key += c.key == at.key && c.model == at.model ? cost : 0;
      model += c.model == at.model ? cost : 0;
    }
    EXPECT_EQ(*ledger.spent("workspace", at.workspace, "", since), workspace);
    EXPECT_EQ(*ledger.spent("key", at.key, at.model, since), key);
    EXPECT_EQ(*ledger.spent("model", at.model, "", since), model);
  }
  EXPECT_FALSE(ledger.spent("planet", "x", "", 0));
}

TEST(ChargeText, IsReadBackAsItWas) {
  std::mt19937_64 random(5);
  for (int i = 0; i < 200; ++i) {
    const Charge c = cleaned(random_charge(random, i));
    const auto read = charge_from(charge_text(c));
    ASSERT_TRUE(read);
    EXPECT_EQ(charge_text(*read), charge_text(c));
    EXPECT_EQ(read->tokens, c.tokens);
    EXPECT_EQ(read->quote.rates, c.quote.rates);
  }
  for (const char* text : {"", "{}", "[]", "{\"id\":1}", "{\"id\":\"a\",\"time\":\"x\"}"})
    EXPECT_FALSE(charge_from(text));
}

INSTANTIATE_TEST_SUITE_P(On, LedgerTest, testing::ValuesIn(database_kinds()), kind_name);

}  // namespace
}  // namespace autark::platform
