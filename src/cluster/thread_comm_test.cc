// Goal: collectives do what comm.h says, for any number of ranks, call after call. Method: groups of 1, 2 and
// 4 threads, each with values that identify its rank and the round; sums whose bits depend on the order.
#include "cluster/thread_comm.h"
#include <gtest/gtest.h>
#include <cmath>
#include "cluster/agree.h"

namespace autark {
namespace {

constexpr int kGroups[] = {1, 2, 4};
constexpr int kRounds = 50;

TEST(ThreadCommTest, SumsAddInTheOrderOfRanks) {
  for (int n : kGroups) {
    run_ranks(n, [n](Comm& c) {
      for (int round = 0; round < kRounds; ++round) {
        const auto value = [&](int rank, int i) {
          return std::sin(float(rank * 7 + i + round)) * std::exp2(float(8 * rank));
        };
        std::vector<float> x(3 + round), want(x.size());
        for (size_t i = 0; i < x.size(); ++i) {
          x[i] = value(c.rank(), int(i));
          for (int r = 0; r < n; ++r) want[i] += value(r, int(i));
        }
        c.all_sum(x);
        EXPECT_EQ(x, want) << "rank " << c.rank() << " of " << n;
      }
    });
  }
}

TEST(ThreadCommTest, GatherIsInTheOrderOfRanks) {
  for (int n : kGroups) {
    run_ranks(n, [n](Comm& c) {
      for (int round = 0; round < kRounds; ++round) {
        const std::vector<int32_t> mine{round, c.rank()};
        std::vector<int32_t> all(2 * n), want;
        for (int r = 0; r < n; ++r) want.insert(want.end(), {round, r});
        c.all_gather(std::as_bytes(std::span(mine)), std::as_writable_bytes(std::span(all)));
        EXPECT_EQ(all, want);
      }
    });
  }
}

TEST(ThreadCommTest, EveryRankHearsTheFirst) {
  for (int n : kGroups) {
    run_ranks(n, [](Comm& c) {
      for (int round = 0; round < kRounds; ++round) {
        int32_t value = 100 * round + c.rank();
        c.broadcast(std::as_writable_bytes(std::span(&value, 1)));
        EXPECT_EQ(value, 100 * round);
      }
    });
  }
}

TEST(ThreadCommTest, TheLeastIsAgreed) {
  EXPECT_EQ(least_of(nullptr, 7), 7);
  run_ranks(4, [](Comm& c) { EXPECT_EQ(least_of(&c, 100 - 10 * ((c.rank() + 2) % 4)), 70); });
}

TEST(ThreadCommTest, KnowsItsPlace) {
  std::vector<int> seen(4);
  run_ranks(4, [&](Comm& c) { seen[c.rank()] = c.size(); });
  EXPECT_EQ(seen, std::vector(4, 4));
}

}  // namespace
}  // namespace autark
