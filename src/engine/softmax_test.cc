// Goal: the fast passes give what plain ones give, wherever a value lies.
// Method: every length up to some blocks, with ties, −∞ and values that differ much, against <algorithm> and std::exp in double.
#include "engine/softmax.h"
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <random>

namespace autark::engine {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

std::vector<float> logits_of(size_t n, uint32_t seed) {
  std::mt19937 gen(seed);
  std::vector<float> l(n);
  for (float& x : l) x = float(int(gen() % 4000)) / 50 - 40;  // some are equal
  if (seed % 3 == 0) l[gen() % n] = -kInfinity;
  return l;
}

std::vector<int32_t> in_falling_order(const std::vector<float>& x) {
  std::vector<int32_t> ids(x.size());
  std::iota(ids.begin(), ids.end(), 0);
  std::ranges::stable_sort(ids, [&](int32_t a, int32_t b) { return x[a] > x[b]; });
  std::erase_if(ids, [&](int32_t id) { return x[id] == -kInfinity; });
  return ids;
}

TEST(SoftmaxTest, ArgmaxIsTheFirstOfTheLargest) {
  for (size_t n = 1; n < 300; ++n) {
    const auto l = logits_of(n, uint32_t(n));
    EXPECT_EQ(argmax(l), std::ranges::max_element(l) - l.begin()) << n;
  }
  const std::vector<float> never(70, -kInfinity), none(70, std::nanf(""));
  EXPECT_EQ(argmax(never), 0);
  EXPECT_EQ(argmax(none), 0);
}

TEST(SoftmaxTest, LargestAreThoseOfASort) {
  for (size_t n : {1, 3, 64, 65, 1000, 5000}) {
    for (int64_t k : {1, 2, 20, 70, 999, 6000}) {
      const auto l = logits_of(n, uint32_t(n + k));
      auto want = in_falling_order(l);
      want.resize(std::min<size_t>(k, want.size()));
      std::vector<int32_t> got{7};
      largest(l, k, got);
      EXPECT_EQ(got, want) << n << " " << k;
    }
  }
}

TEST(SoftmaxTest, WeightsAreExponentials) {
  for (float temperature : {0.1f, 1.f, 2.5f}) {
    for (size_t n = 1; n < 70; ++n) {
      const auto l = logits_of(n, uint32_t(3 * n + 1));
      const float max = *std::ranges::max_element(l), inverse = 1 / temperature;
      std::vector<float> w(n);
      softmax_weights(l, max, inverse, w);
      for (size_t i = 0; i < n; ++i) {
        const float x = (l[i] - max) * inverse;
        EXPECT_NEAR(w[i], x < -87 ? 0 : std::exp(double(x)), 2e-7 * std::exp(double(x))) << x;
      }
    }
  }
}

TEST(SoftmaxTest, AWeightDoesNotDependOnItsPlace) {
  for (float x = 0; x > -90; x -= 0.37f) {
    const std::vector<float> l(7, x);
    std::vector<float> w(7);
    softmax_weights(l, 0, 1, w);
    for (float y : w) EXPECT_EQ(y, w[0]) << x;
  }
}

TEST(SoftmaxTest, WeightsOfWhatIsFarBelowAreZero) {
  const std::vector<float> l{0, -86.9f, -87.1f, -1e30f, -kInfinity, -3e38f, 0};
  std::vector<float> w(l.size());
  softmax_weights(l, 0, 1e30f, w);
  EXPECT_EQ(w, (std::vector<float>{1, 0, 0, 0, 0, 0, 1}));
  softmax_weights(l, 0, 1, w);
  EXPECT_GT(w[1], 0);
  for (size_t i = 2; i < 6; ++i) EXPECT_EQ(w[i], 0) << i;
}

TEST(SoftmaxTest, SumsAreThoseOfDoubles) {
  for (size_t n = 1; n < 200; ++n) {
    const auto l = logits_of(n, uint32_t(3 * n + 2));
    EXPECT_NEAR(sum_of(l), std::accumulate(l.begin(), l.end(), 0.), 1e-9) << n;
    double sum = 0;
    for (float x : l) sum += std::exp(double(x));
    EXPECT_NEAR(log_sum_exp(l), std::log(sum), 1e-6) << n;
  }
}

TEST(SoftmaxTest, AppendsWhatIsAtLeast) {
  for (size_t n = 1; n < 150; ++n) {
    const auto l = logits_of(n, uint32_t(n));
    std::vector<int32_t> got{-1}, want{-1};
    append_at_least(10, l, got);
    for (size_t i = 0; i < n; ++i) {
      if (l[i] >= 10) want.push_back(int32_t(i));
    }
    EXPECT_EQ(got, want) << n;
  }
}

TEST(SoftmaxTest, NotFiniteIsSeenWhereverItIs) {
  for (size_t n = 1; n < 20; ++n) {
    auto l = logits_of(n, 1);
    EXPECT_TRUE(all_finite(l));
    for (float bad : {std::nanf(""), kInfinity, -kInfinity}) {
      for (size_t at = 0; at < n; ++at) {
        std::swap(l[at], bad);
        EXPECT_FALSE(all_finite(l));
        std::swap(l[at], bad);
      }
    }
  }
}

}  // namespace
}  // namespace autark::engine
