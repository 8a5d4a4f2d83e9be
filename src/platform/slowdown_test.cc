// Goal: who fails often waits longer each time, for a minute at most; others do not wait; the table is bounded.
// Method: simulated clients with a clock that the test moves, backwards too; an oracle counts the tries of a client that
// tries whenever it may.
#include "platform/slowdown.h"
#include <gtest/gtest.h>
#include <random>

namespace autark::platform {
namespace {

TEST(Slowdown, PausesGrowToAMinuteAndEnd) {
  Slowdown slowdown({.free = 10});
  Micros now = 1000 * kSecond;
  for (int i = 0; i < 9; ++i) slowdown.failed("a", now);
  EXPECT_EQ(slowdown.wait("a", now), 0);
  for (const int64_t seconds : {1, 2, 4, 8, 16, 32, 60, 60}) {
    slowdown.failed("a", now);
    EXPECT_EQ(slowdown.wait("a", now), seconds * kSecond);
    EXPECT_EQ(slowdown.wait("b", now), 0);
    now += slowdown.wait("a", now);
  }
  now += 2 * kMinute + 1;
  slowdown.failed("a", now);
  EXPECT_EQ(slowdown.wait("a", now), 0);
}

// In any hour it has 10 free tries, 6 while pauses grow, and one a minute.
TEST(Slowdown, BoundsTheTriesOfAnHour) {
  Slowdown slowdown({.free = 10});
  std::mt19937 random(1);
  int tries = 0;
  for (Micros now = 0; now < 60 * kMinute; now += random() % kSecond)
    if (slowdown.wait("a", now) == 0) slowdown.failed("a", now), ++tries;
  EXPECT_LE(tries, 10 + 6 + 60);
  EXPECT_GE(tries, 60);
}

TEST(Slowdown, AClockThatGoesBackMakesNoPauseLonger) {
  Slowdown slowdown({.free = 1});
  slowdown.failed("a", 1000 * kSecond);
  EXPECT_EQ(slowdown.wait("a", 0), kSecond);
  slowdown.failed("a", 0);
  EXPECT_EQ(slowdown.wait("a", 0), 2 * kSecond);
}

TEST(Slowdown, ForgetsTheOldestOfTooMany) {
  Slowdown slowdown({.free = 1, .names_max = 100});
  for (int i = 0; i < 10'000; ++i) slowdown.failed(std::to_string(i), 1000 * kSecond);
  EXPECT_EQ(slowdown.names(), 100u);
  EXPECT_EQ(slowdown.wait("9899", 1000 * kSecond), 0);
  EXPECT_GT(slowdown.wait("9900", 1000 * kSecond), 0);
  slowdown.forget("9900");
  EXPECT_EQ(slowdown.wait("9900", 1000 * kSecond), 0);
}

}  // namespace
}  // namespace autark::platform
