// Goal: sums of money are read and written exactly, and no number overflows.
// Method: text → sum → text over random sums; an oracle in 128 bits; texts that are none.
#include "platform/money.h"
#include <gtest/gtest.h>
#include <limits>
#include <random>

namespace autark::platform {
namespace {

constexpr int64_t kMost = std::numeric_limits<int64_t>::max(), kLeast = std::numeric_limits<int64_t>::min();

TEST(Money, ReadsWhatItWrote) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const int64_t nanos = int64_t(random()) >> (random() % 63);
    const auto read = money_from(to_text({nanos, "CNY"}));
    ASSERT_TRUE(read) << to_text({nanos, "CNY"});
    EXPECT_EQ(*read, (Money{nanos, "CNY"}));
  }
}

TEST(Money, Examples) {
  EXPECT_EQ(money_from("20CNY")->nanos, 20'000'000'000);
  EXPECT_EQ(money_from("0.5 USD")->nanos, 500'000'000);
  EXPECT_EQ(money_from("-3CNY")->nanos, -3'000'000'000);
  EXPECT_EQ(money_from("9223372036.854775807CNY")->nanos, kMost);
  EXPECT_EQ(amount_text(20'000'000'000), "20");
  EXPECT_EQ(amount_text(-3'000'000'001), "-3.000000001");
  EXPECT_EQ(amount_text(-500'000'000), "-0.5");
  EXPECT_EQ(amount_text(kLeast), "-9223372036.854775808");
}

TEST(Money, RefusesWhatIsNoSum) {
  for (const char* text : {"",
                           "CNY",
                           " CNY",
                           "20",
                           "20cny",
                           "20 CN",
                           "+5CNY",
                           "--5CNY",
                           "-CNY",
                           ".5CNY",
                           "5.CNY",
                           "1e3CNY",
                           "0x1CNY",
                           "1.0000000001CNY",
                           "9223372036.854775808CNY",
                           "99999999999CNY",
                           "1,5CNY",
                           "nanCNY",
                           "5  CNY",
                           " 5CNY",
                           "5.-1CNY",
                           "5.+1CNY",
                           "5\n CNY"}) {
    const auto sum = money_from(text);
    EXPECT_FALSE(sum) << text;
    EXPECT_TRUE(sum || sum.error().message.find("20CNY") != std::string::npos) << "it says how to write one";
  }
  EXPECT_EQ(money_from(std::string("\xff\0 5CNY", 8)).error().message.find('\xff'), std::string::npos);
}

TEST(Money, APriceIsRoundedHalfUpAndSaturates) {
  std::mt19937_64 random(2);
  for (int i = 0; i < 20'000; ++i) {
    const int64_t tokens = int64_t(random() >> (1 + random() % 63)),
                  rate = int64_t(random() >> (1 + random() % 63));
    const __int128 exact = (__int128(tokens) * rate * 2 + 1'000'000) / 2'000'000;
    EXPECT_EQ(price_of(tokens, rate), exact > kMost ? kMost : int64_t(exact));
  }
  EXPECT_EQ(price_of(1, 499'999), 0);
  EXPECT_EQ(price_of(1, 500'000), 1);
  EXPECT_EQ(price_of(-1, 500'000), 0) << "half up";
  EXPECT_EQ(price_of(-1, 500'001), -1);
  EXPECT_EQ(price_of(kMost, kMost), kMost);
  EXPECT_EQ(price_of(kMost, kLeast), kLeast);
}

TEST(Money, SumsSaturate) {
  EXPECT_EQ(saturating_sum(2, 3), 5);
  EXPECT_EQ(saturating_sum(kMost, 1), kMost);
  EXPECT_EQ(saturating_sum(kLeast, -1), kLeast);
  EXPECT_EQ(saturating_sum(kMost, kLeast), -1);
}

}  // namespace
}  // namespace autark::platform
