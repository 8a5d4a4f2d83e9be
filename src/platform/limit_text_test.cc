// Goal: budgets are read as people write them, and every limit has words. Method: examples, and texts that must be
// refused with the way out.
#include "platform/limit_text.h"
#include <gtest/gtest.h>

namespace autark::platform {
namespace {

TEST(LimitText, ReadsBudgets) {
  const struct {
    const char *text, *period, *words;
    int64_t nanos;
  } cases[] = {{"20CNY", "total", "20 CNY in all", 20'000'000'000},
               {"0.5 CNY/day", "day", "0.5 CNY a day", 500'000'000},
               {"100CNY/month", "month", "100 CNY a month", 100'000'000'000},
               {"1CNY/total", "total", "1 CNY in all", 1'000'000'000}};
  for (const auto& c : cases) {
    const auto limit = budget_from(c.text, "CNY");
    ASSERT_TRUE(limit) << c.text << ": " << limit.error().message;
    EXPECT_EQ(limit->kind, LimitKind::budget);
    EXPECT_EQ(limit->amount, c.nanos) << c.text;
    EXPECT_EQ(limit->period, c.period) << c.text;
    EXPECT_EQ(limit_text(*limit, "CNY"), c.words);
  }
}

TEST(LimitText, RefusesWhatIsNoBudget) {
  for (const char* text :
       {"", "20", "CNY", "20USD", "0CNY", "-1CNY", "5CNY/year", "5CNY/", "/day", "5CNY/day/day"})
    EXPECT_FALSE(budget_from(text, "CNY")) << text;
  EXPECT_NE(budget_from("20USD", "CNY").error().message.find("CNY"), std::string::npos);
}

TEST(LimitText, HasWordsForEveryKind) {
  const auto words = [](LimitKind kind) {
    return limit_text({.model = "m", .kind = kind, .amount = 7}, "CNY");
  };
  EXPECT_EQ(words(LimitKind::rpm), "7 requests a minute for m");
  EXPECT_EQ(words(LimitKind::tpm), "7 tokens a minute for m");
  EXPECT_EQ(words(LimitKind::concurrency), "7 requests at once for m");
  EXPECT_EQ(words(LimitKind::burst), "7 requests a second for m");
}

}  // namespace
}  // namespace autark::platform
