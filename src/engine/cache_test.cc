// Goal: a sequence that continues from a snapshot computes the same bits as one that never stopped. Method:
// models with whole streams, rings, pooled rows and tails; a prompt continues from a snapshot in another
// sequence, and its logits are compared with those of an uninterrupted run.
#include "engine/cache.h"
#include <gtest/gtest.h>
#include "engine/forward.h"
#include "engine/testing.h"

namespace autark::engine {
namespace {

struct Case {
  const char* architecture;
  Rounding::Cache rounding;
  const char* chip = "ref";
};
void PrintTo(const Case& c, std::ostream* to) {
  *to << c.architecture << (c.rounding == Rounding::Cache::native ? "_native_" : "_f32_") << c.chip;
}

class CacheTest : public ::testing::TestWithParam<Case> {
 protected:
  CacheTest() {
    if (GetParam().architecture != std::string("deepseek_v4")) {
      loaded_ = test_model(GetParam().architecture, nullptr);
      model_ = loaded_.model.get();
    } else {
      model_ = toy_.model.get();
    }
    auto made = Cache::make(*model_, *chip_,
                            {.rounding = GetParam().rounding,
                             .bytes_max = INT64_MAX,
                             .context = 512,
                             .sequences_max = 3,
                             .rewind_tokens = 9,
                             .poison = true});
    AUTARK_CHECK(made);
    cache_ = std::move(*made);
  }
  std::unique_ptr<SequenceState> open(int64_t tokens) {
    auto s = cache_->open();
    AUTARK_CHECK(s && cache_->reserve(*s, tokens));
    return s;
  }
  // Logits of the last token.
  std::vector<float> feed(SequenceState& s, std::span<const int32_t> tokens) {
    Forward forward(*model_, *chip_, *cache_);
    const Chunk chunk{&s, tokens, {int32_t(tokens.size()) - 1}};
    const auto last = forward.run({&chunk, 1}).row(0);
    return {last.begin(), last.end()};
  }

  ToyV4 toy_;
  LoadedModel loaded_;
  const Model* model_ = nullptr;
  std::unique_ptr<Chip> chip_ = chip_named(GetParam().chip);
  std::unique_ptr<Cache> cache_;
};

TEST_P(CacheTest, ARestoredSnapshotGoesOnAsIfNothingHadBeen) {
  const auto prompt = toy_prompt(200);
  const std::span<const int32_t> all(prompt);
  for (int64_t at : {1, 7, 128, 130, 199}) {
    auto kept = open(200), cold = open(200);
    feed(*kept, all.first(at));
    const Snapshot snapshot = *cache_->save(*kept);
    feed(*kept, toy_prompt(9, 5));  // the original sequence continues with other tokens
    auto other = cache_->open();
    ASSERT_TRUE(cache_->restore(*other, snapshot));
    EXPECT_EQ(other->length(), at);
    ASSERT_TRUE(cache_->reserve(*other, 200));
    EXPECT_EQ(feed(*other, all.subspan(at)), feed(*cold, all)) << "at " << at;
  }
}

// Rejected drafts are taken back, across borders of windows and pages, before and after the snapshot.
TEST_P(CacheTest, WhatWasTakenBackIsNotInASnapshot) {
  const auto prompt = toy_prompt(200), wrong = toy_prompt(200, 29);
  const std::span<const int32_t> all(prompt), guesses(wrong);
  auto cold = open(200);
  const auto want = feed(*cold, all);
  for (int64_t at : {4, 15, 16, 126, 128, 131}) {
    auto kept = open(200);
    feed(*kept, all.first(at));
    feed(*kept, guesses.subspan(at, 9));
    kept->take_back(9);
    const Snapshot snapshot = *cache_->save(*kept);
    kept.reset();
    auto other = open(200);
    ASSERT_TRUE(cache_->restore(*other, snapshot));
    feed(*other, guesses.subspan(at + 9, 9));
    other->take_back(9);
    EXPECT_EQ(feed(*other, all.subspan(at)), want) << "at " << at;
  }
}

TEST_P(CacheTest, ASnapshotThatDoesNotFitChangesNothing) {
  auto kept = open(512);
  feed(*kept, toy_prompt(300));
  const Snapshot snapshot = *cache_->save(*kept);
  kept.reset();
  auto other = open(512), tight = open(0), waiting = cache_->open();
  EXPECT_EQ(cache_->open(), nullptr);  // sequences_max
  while (cache_->pages_free() > 0) ASSERT_TRUE(cache_->reserve(*tight, tight->capacity() + 1));
  EXPECT_FALSE(cache_->restore(*waiting, snapshot));  // a page for the part of the last one
  EXPECT_EQ(waiting->length(), 0);
  EXPECT_EQ(waiting->capacity(), 0);
  other.reset();
  EXPECT_TRUE(cache_->restore(*waiting, snapshot));
  EXPECT_EQ(waiting->length(), 300);
}

// Sequences that continue from one snapshot share its full pages, in whatever order they are destroyed.
TEST_P(CacheTest, FullPagesAreShared) {
  const auto prompt = toy_prompt(300);
  const std::span<const int32_t> all(prompt);
  const int64_t full = 260 / cache_->layout().page_tokens;
  auto cold = open(300);
  const auto want = feed(*cold, all);
  cold.reset();
  auto first = open(300);
  feed(*first, all.first(260));
  const int64_t alone = cache_->pages_used();
  auto snapshot = cache_->save(*first);
  auto second = cache_->open(), third = cache_->open();
  EXPECT_EQ(cache_->pages_used(), alone);
  for (auto* s : {&second, &third}) {
    ASSERT_TRUE(cache_->restore(**s, *snapshot));
    ASSERT_TRUE(cache_->reserve(**s, 300));
  }
  EXPECT_EQ(cache_->pages_used(), full + 3 * (alone - full));
  EXPECT_LE(first->takeable(), 260 - full * cache_->layout().page_tokens);
  EXPECT_EQ(feed(*first, all.subspan(260)), want);
  first.reset();
  snapshot.reset();
  EXPECT_EQ(feed(*second, all.subspan(260)), want);
  second.reset();
  EXPECT_EQ(feed(*third, all.subspan(260)), want);
  third.reset();
  EXPECT_EQ(cache_->pages_used(), 0);
  EXPECT_EQ(cache_->snapshot_bytes(), 0);
}

INSTANTIATE_TEST_SUITE_P(Models, CacheTest,
                         ::testing::Values(Case{"gemma3", Rounding::Cache::f32},
                                           Case{"qwen3_moe", Rounding::Cache::native},
                                           Case{"deepseek_v4", Rounding::Cache::f32},
                                           Case{"deepseek_v4", Rounding::Cache::native},
                                           Case{"gemma3", Rounding::Cache::native, "far"},
                                           Case{"deepseek_v4", Rounding::Cache::native, "far"}),
                         ::testing::PrintToStringParamName());

}  // namespace
}  // namespace autark::engine
