// Goal: log-probabilities are the log-softmax, the best first.
// Method: random logits against exp and a full sort.
#include "engine/logprobs.h"
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include <random>

namespace autark::engine {
namespace {

TEST(LogprobsTest, AreTheLogSoftmaxInFallingOrder) {
  std::mt19937 gen(5);
  std::vector<float> logits(1000);
  for (float& l : logits) l = float(int(gen() % 200)) / 10;  // many equal ones
  double sum = 0;
  for (float l : logits) sum += std::exp(double(l));
  const Logprobs got = logprobs_of(logits, 17, 20);
  EXPECT_EQ(got.chosen.id, 17);
  EXPECT_NEAR(got.chosen.logprob, logits[17] - std::log(sum), 1e-5);
  std::vector<int32_t> ids(logits.size());
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = int32_t(i);
  std::ranges::stable_sort(ids, [&](int32_t a, int32_t b) { return logits[a] > logits[b]; });
  ASSERT_EQ(got.top.size(), 20u);
  for (int i = 0; i < 20; ++i) {
    EXPECT_EQ(got.top[i].id, ids[i]);
    EXPECT_NEAR(got.top[i].logprob, logits[ids[i]] - std::log(sum), 1e-5);
  }
}

TEST(LogprobsTest, MoreThanThereAreGivesAll) {
  EXPECT_EQ(logprobs_of(std::vector<float>{1, 2}, 0, 20).top.size(), 2u);
  EXPECT_TRUE(logprobs_of(std::vector<float>{1, 2}, 0, 0).top.empty());
}

}  // namespace
}  // namespace autark::engine
