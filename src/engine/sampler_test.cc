// Goal: tokens are sampled with the probabilities that the settings define, and depend on nothing else.
// Method: frequencies over many positions with a fixed seed against exact probabilities (five standard
// deviations and five draws), each filter against a plain sort, and the edges one by one.
#include "engine/sampler.h"
#include <gtest/gtest.h>
#include <cmath>
#include <limits>
#include <map>
#include <random>
#include <set>

namespace autark::engine {
namespace {

std::vector<float> random_logits(int n, uint32_t seed, float spread = 3) {
  std::mt19937 gen(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> l(n);
  for (float& v : l) v = normal(gen);
  return l;
}

// Exact probabilities after temperature, top-k, top-p, min-p.
std::map<int32_t, double> expected(const Sampling& s, const std::vector<float>& logits) {
  std::vector<int32_t> ids(logits.size());
  for (size_t i = 0; i < ids.size(); ++i) ids[i] = int32_t(i);
  std::ranges::stable_sort(ids, [&](int32_t a, int32_t b) { return logits[a] > logits[b]; });
  if (s.top_k > 0 && s.top_k < std::ssize(ids)) ids.resize(s.top_k);
  std::vector<double> p;
  double all = 0;
  for (int32_t id : ids)
    all += p.emplace_back(std::exp((double(logits[id]) - logits[ids[0]]) / s.temperature));
  double sum = 0;
  size_t n = 0;
  while (n < ids.size() && (s.top_p == 1 || sum < s.top_p * all) && p[n] >= s.min_p) sum += p[n++];
  std::map<int32_t, double> out;
  for (size_t i = 0; i < n; ++i) out[ids[i]] = p[i] / sum;
  return out;
}

int32_t pick(const Sampling& s, const std::vector<float>& logits, int64_t position = 0) {
  Sampler::Scratch scratch;
  return Sampler(s, {}, {}, 0).pick(logits, position, scratch);
}

TEST(SamplerTest, FrequenciesAreTheProbabilities) {
  const auto logits = random_logits(1000, 7);
  for (const Sampling& s :
       {Sampling{.seed = 1}, Sampling{.temperature = 0.7f, .seed = 2}, Sampling{.top_k = 5, .seed = 3},
        Sampling{.top_p = 0.8f, .seed = 4}, Sampling{.min_p = 0.05f, .seed = 5},
        Sampling{.temperature = 1.5f, .top_k = 400, .top_p = 0.9f, .min_p = 0.01f, .seed = 6}}) {
    SCOPED_TRACE(s.seed);
    const auto p = expected(s, logits);
    const Sampler sampler(s, {}, {}, 0);
    Sampler::Scratch scratch;
    std::map<int32_t, int> count;
    const int n = 10000;
    for (int i = 0; i < n; ++i) ++count[sampler.pick(logits, i, scratch)];
    for (const auto& [id, c] : count) ASSERT_TRUE(p.contains(id)) << "token " << id << " is filtered";
    for (const auto& [id, q] : p) {
      ASSERT_NEAR(count[id], n * q, 5 * std::sqrt(n * q * (1 - q)) + 5) << "token " << id;
    }
  }
}

TEST(SamplerTest, SameSeedAndPositionSameToken) {
  const auto logits = random_logits(500, 1);
  std::set<int32_t> different;
  for (int64_t i = 0; i < 200; ++i) {
    const int32_t id = pick({.seed = 9}, logits, i);
    EXPECT_EQ(pick({.seed = 9}, logits, i), id);
    different.insert(id);
  }
  EXPECT_GT(different.size(), 20u);
}

TEST(SamplerTest, UniformFillsItsRange) {
  double sum = 0, squares = 0;
  const int n = 100000;
  for (int i = 0; i < n; ++i) {
    const double u = uniform_at(3, i), v = uniform_at(4, i);
    ASSERT_TRUE(u >= 0 && u < 1);
    sum += u, squares += (u - 0.5) * (v - 0.5);
  }
  EXPECT_NEAR(sum / n, 0.5, 0.005);
  EXPECT_NEAR(squares / n, 0, 0.002);  // neighbouring seeds are not correlated
}

TEST(SamplerTest, TemperatureZeroAndTopKOneAreTheLargest) {
  const auto logits = random_logits(777, 3);
  const int32_t best = int32_t(std::ranges::max_element(logits) - logits.begin());
  for (uint64_t seed = 0; seed < 50; ++seed) {
    EXPECT_EQ(pick({.temperature = 0, .seed = seed}, logits), best);
    EXPECT_EQ(pick({.top_k = 1, .seed = seed}, logits), best);
    EXPECT_EQ(pick({.top_p = 0, .seed = seed}, logits), best);
    EXPECT_EQ(pick({.min_p = 1, .seed = seed}, logits), best);
    EXPECT_EQ(pick({.temperature = 1e-9f, .seed = seed}, logits), best);
  }
  EXPECT_EQ(pick({.temperature = 0}, {1, 4, 4, 2}), 1);  // the lowest of equals
}

TEST(SamplerTest, TopKOfMoreThanThereAreKeepsAll) {
  const std::vector<float> two{0, 0};
  std::set<int32_t> seen;
  for (int i = 0; i < 64; ++i) seen.insert(pick({.top_k = 50, .seed = 1}, two, i));
  EXPECT_EQ(seen.size(), 2u);
}

TEST(SamplerTest, BiasAndPenaltiesAreExact) {
  const std::vector<int32_t> prompt{0, 1};
  const std::vector<float> logits{2, -2, 1.5f, 1.4f};
  Sampler::Scratch scratch;
  const auto best = [&](const Sampling& s, std::vector<int32_t> generated) {
    Sampler sampler(s, prompt, {}, 0);
    for (int32_t id : generated) sampler.accept(id);
    return sampler.pick(logits, 0, scratch);
  };
  EXPECT_EQ(best({.temperature = 0, .logit_bias = {{1, 4.5f}}}, {}), 1);
  EXPECT_EQ(best({.temperature = 0, .repetition_penalty = 2}, {}), 2);          // 2 → 1; the prompt counts
  EXPECT_EQ(best({.temperature = 0, .repetition_penalty = 2}, {2}), 3);         // 1.5 → 0.75
  EXPECT_EQ(best({.temperature = 0, .presence_penalty = 0.6f}, {}), 0);         // the prompt does not
  EXPECT_EQ(best({.temperature = 0, .presence_penalty = 0.7f}, {0, 0, 2}), 3);  // 1.3 and 0.8, once each
  EXPECT_EQ(best({.temperature = 0, .frequency_penalty = 0.3f}, {0}), 0);       // 1.7
  EXPECT_EQ(best({.temperature = 0, .frequency_penalty = 0.3f}, {0, 0}), 2);    // 1.4
}

TEST(SamplerTest, EndTokensWaitForMinTokens) {
  const std::vector<float> logits{5, 1, 0};
  Sampler sampler({.temperature = 0}, {}, {0}, 2);
  Sampler::Scratch scratch;
  for (int32_t want : {1, 1, 0}) {
    EXPECT_EQ(sampler.pick(logits, 0, scratch), want);
    sampler.accept(1);
  }
  Sampler all({.seed = 1}, {}, {0, 1, 2}, 1);  // everything masked: still a token, no crash
  EXPECT_GE(all.pick(logits, 0, scratch), 0);
}

TEST(SamplerTest, HugeGapsAndEqualLogits) {
  EXPECT_EQ(pick({}, {-1e30f, 1e30f, 0}), 1);
  const std::vector<float> flat(4096, 3.f);
  std::set<int32_t> seen;
  for (int i = 0; i < 2000; ++i) seen.insert(pick({.top_p = 0.5f, .seed = 5}, flat, i));
  EXPECT_EQ(*seen.rbegin(), 2047);  // half of equals: the lower ids
  EXPECT_EQ(pick({}, {1.f}), 0);
}

TEST(SamplerTest, SettingsOutOfRangeAreRefused) {
  EXPECT_FALSE(fault_of({}, 10));
  const float nan = std::nanf("");
  for (const Sampling& s : {Sampling{.temperature = -1}, Sampling{.temperature = nan}, Sampling{.top_k = -1},
                            Sampling{.top_p = -0.1f}, Sampling{.top_p = 1.1f}, Sampling{.min_p = nan},
                            Sampling{.repetition_penalty = 0}, Sampling{.frequency_penalty = nan},
                            Sampling{.logit_bias = {{10, 1.f}}}, Sampling{.logit_bias = {{-1, 1.f}}},
                            Sampling{.logit_bias = {{1, nan}}}}) {
    EXPECT_TRUE(fault_of(s, 10));
  }
}

}  // namespace
}  // namespace autark::engine
