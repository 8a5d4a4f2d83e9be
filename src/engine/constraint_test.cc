// Goal: a sampled token is always in the mask, whatever the other settings say. Method: random logits and
// masks; a bias and min_tokens that ask for what the mask forbids.
#include "engine/constraint.h"
#include <gtest/gtest.h>
#include <random>
#include "engine/sampler.h"

namespace autark::engine {
namespace {

constexpr int kTokens = 70;

TEST(Constraint, SampledTokensAreInTheMask) {
  std::mt19937 random(1);
  Sampler::Scratch scratch;
  for (int round = 0; round < 2000; ++round) {
    std::vector<float> logits(kTokens);
    for (float& l : logits) l = float(random() % 1000) / 100 - 5;
    std::vector<uint32_t> bits(round % 2 + 2, 0);  // without the last word, the last tokens are forbidden
    for (int i = 0; i < 3; ++i) bits[0] |= uint32_t{1} << random() % 32;
    Sampling s{.temperature = float(round % 3), .top_k = round % 5, .logit_bias = {{69, 100.f}}};
    s.seed = uint64_t(round);
    const Sampler sampler(s, {}, {}, 0);
    const TokenMask mask{bits};
    EXPECT_TRUE(mask.allows(sampler.pick(logits, round, scratch, mask))) << round;
  }
}

TEST(Constraint, EndTokensAreNotHeldBackIfNothingElseMayFollow) {
  const std::vector<float> logits(kTokens, 1.f);
  Sampler::Scratch scratch;
  const Sampler sampler({.temperature = 0}, {}, {3, 5}, 10);
  const std::vector<uint32_t> ends{1u << 5}, more{1u << 5 | 1u << 9};
  EXPECT_EQ(sampler.pick(logits, 0, scratch, TokenMask{ends}), 5);
  EXPECT_EQ(sampler.pick(logits, 0, scratch, TokenMask{more}), 9);
}

}  // namespace
}  // namespace autark::engine
