// Goal: each request is paid exactly, by the credits whose turn it is.
// Method: properties over random requests and credits; examples of the order.
#include "platform/payment.h"
#include <gtest/gtest.h>
#include <random>

namespace autark::platform {
namespace {

constexpr int64_t kCny = 1'000'000'000;
const Quote kQuote{.version = "1", .currency = "CNY", .rates = {kCny, kCny / 50, kCny, 4 * kCny, 4 * kCny}};

CreditRest credit(const std::string& id, const std::string& unit, int64_t left, Micros expires = 0,
                  const std::string& model = "") {
  return {.id = id, .unit = unit, .model = model, .left = left, .expires = expires};
}

TEST(Payment, IsExactAndNeverOverdraws) {
  std::mt19937_64 random(1);
  for (int round = 0; round < 20'000; ++round) {
    const auto some = [&](int64_t most) { return int64_t(random() % uint64_t(most)); };
    Quote quote = kQuote;
    for (int64_t* rate : {&quote.rates.input, &quote.rates.cached, &quote.rates.output})
      *rate = some(3'000'000);
    const Tokens tokens{some(50), some(50), some(5), some(50), some(50)};
    std::vector<CreditRest> credits;
    for (int i = 0; i < 6; ++i)
      credits.push_back(credit(std::to_string(i), random() % 2 ? "tokens" : "CNY", some(100), some(3) * 10,
                               random() % 3   ? ""
                               : random() % 2 ? "m"
                                              : "other"));
    sort_credits(credits);
    const auto before = credits;
    const Payment payment = pay(quote, tokens, "m", 10, credits);
    int64_t money = 0, tokens_used = 0;
    std::vector<int64_t> used(credits.size());
    for (const Payment::Part& part : payment.parts) {
      EXPECT_GT(part.amount, 0);
      used[part.credit] += part.amount;
      (credits[part.credit].is_in_tokens() ? tokens_used : money) += part.amount;
    }
    EXPECT_EQ(money + payment.packs + payment.balance, quote.cost(tokens));
    EXPECT_LE(tokens_used, tokens.all());
    EXPECT_GE(payment.balance, 0);
    EXPECT_GE(payment.packs, 0);
    for (size_t i = 0; i < credits.size(); ++i) {
      EXPECT_GE(credits[i].left, 0);
      EXPECT_EQ(credits[i].left + used[i], before[i].left);
      const bool usable = before[i].model != "other" && (before[i].expires == 0 || before[i].expires > 10);
      EXPECT_TRUE(usable || used[i] == 0);
      // The balance pays only what no credit could.
      EXPECT_TRUE(!usable || payment.balance == 0 || credits[i].left == 0);
    }
  }
}

TEST(Payment, TokensComeBeforeMoneyAndWhatExpiresFirstBeforeTheRest) {
  std::vector<CreditRest> credits = {credit("money", "CNY", kCny, 50), credit("never", "tokens", 1000),
                                     credit("late", "tokens", 1000, 90), credit("soon", "tokens", 500, 20)};
  sort_credits(credits);
  const Payment payment = pay(kQuote, {.input = 2000, .output = 1000}, "m", 10, credits);
  ASSERT_EQ(payment.parts.size(), 4u);
  EXPECT_EQ(credits[payment.parts[0].credit].id, "soon");
  EXPECT_EQ(credits[payment.parts[1].credit].id, "late");
  EXPECT_EQ(credits[payment.parts[2].credit].id, "never");
  EXPECT_EQ(payment.packs, 2'000'000 + 4 * 500'000) << "input is taken before output";
  EXPECT_EQ(payment.parts[3].amount, 4 * 500'000);
  EXPECT_EQ(payment.balance, 0);
}

TEST(Payment, WhatCostsNothingUsesNothing) {
  std::vector<CreditRest> credits = {credit("t", "tokens", 1000)};
  EXPECT_TRUE(pay({}, {.input = 500}, "m", 0, credits).parts.empty());
  EXPECT_EQ(credits[0].left, 1000);
}

}  // namespace
}  // namespace autark::platform
