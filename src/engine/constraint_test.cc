// Goal: a sampled token is always in the mask, whatever the other settings say, and a fault of a constraint ends
// its request only. Method: random logits and masks; a bias and min_tokens that ask for what the mask forbids;
// a small model, and a constraint that fails after some tokens.
#include "engine/constraint.h"
#include <gtest/gtest.h>
#include <random>
#include "engine/constraint_testing.h"
#include "engine/sampler.h"
#include "engine/testing.h"

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

Request request_of(int seed, std::shared_ptr<Constraint> constraint = {}) {
  Request r{.prompt = test_prompt(20, seed), .max_tokens = 12};
  r.ignore_end = true;
  r.constraint = std::move(constraint);
  return r;
}

TEST(Constraint, AnAnswerStaysInTheMasks) {
  auto engine = test_engine(test_model("gemma3", ref_chip()));
  Heard heard;
  ASSERT_TRUE(
      engine->submit(request_of(1, std::make_shared<HashedConstraint>(kTestVocabulary)), heard.sink()));
  EXPECT_EQ(heard.wait(), Finish::length);
  HashedConstraint again(kTestVocabulary);
  for (size_t i = 0; i < heard.ids.size(); ++i) {
    const auto mask = again.after(std::span(heard.ids).first(i));
    ASSERT_TRUE(mask);
    EXPECT_TRUE(mask->allows(heard.ids[i])) << i;
  }
}

TEST(Constraint, AFaultFailsItsRequestAlone) {
  auto engine = test_engine(test_model("gemma3", ref_chip()));
  Heard alone, beside, at_once, late;
  ASSERT_TRUE(engine->submit(request_of(1), alone.sink()));
  EXPECT_EQ(alone.wait(), Finish::length);
  const auto failing = [](int64_t at) { return std::make_shared<HashedConstraint>(kTestVocabulary, at); };
  ASSERT_TRUE(engine->submit(request_of(1), beside.sink()));
  ASSERT_TRUE(engine->submit(request_of(2, failing(0)), at_once.sink()));
  ASSERT_TRUE(engine->submit(request_of(3, failing(5)), late.sink()));
  EXPECT_EQ(beside.wait(), Finish::length);
  EXPECT_EQ(beside.ids, alone.ids);
  for (Heard* h : {&at_once, &late}) {
    EXPECT_EQ(h->wait(), Finish::failed);
    ASSERT_TRUE(h->error);
    EXPECT_EQ(h->error->message, "constraint: no mask");
  }
  EXPECT_EQ(at_once.ids.size(), 0u);
  EXPECT_EQ(late.ids.size(), 5u);
}

}  // namespace
}  // namespace autark::engine
