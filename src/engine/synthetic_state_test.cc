// Goal: synthetic state is state: a step behind it reads nothing that was not written, is finite, and depends
// on the seed alone. Method: toy models with windows, pooled rows and recurrent tails; poisoned memory, in
// which a row that was left out shows as NaN; the chip whose memory is closed to the host.
#include "engine/synthetic_state.h"
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include <vector>
#include "engine/forward.h"
#include "engine/testing.h"

namespace autark::engine {
namespace {

constexpr int kDepth = 700;

// Logits of some tokens behind `depth` synthetic ones.
std::vector<float> logits_behind(LoadedModel m, Rounding::Cache rounding, int depth, uint64_t seed) {
  const auto cache = Cache::make(
      *m.model, *m.chip, {.rounding = rounding, .bytes_max = 1 << 30, .context = depth + 3, .poison = true});
  AUTARK_CHECK(cache);
  const auto state = (*cache)->open();
  AUTARK_CHECK((*cache)->reserve(*state, depth + 3));
  fill_synthetic(**cache, *m.chip, *state, depth, seed);
  EXPECT_EQ(state->length(), depth);
  const std::vector<int32_t> tokens{3, 5, 7};
  const Chunk chunk{state.get(), tokens, {0, 1, 2}};
  Forward step(*m.model, *m.chip, **cache);
  const Logits out = step.run({&chunk, 1});
  std::vector<float> all;
  for (int i = 0; i < out.rows(); ++i) all.insert(all.end(), out.row(i).begin(), out.row(i).end());
  return all;
}

LoadedModel model_named(const std::string& name, const char* chip) {
  return name == "v4" ? toy_v4_model(chip_named(chip)) : test_model(name, chip_named(chip));
}

class SyntheticState : public testing::TestWithParam<const char*> {};

TEST_P(SyntheticState, AStepBehindItIsFinite) {
  for (const auto rounding : {Rounding::Cache::f32, Rounding::Cache::native})
    for (const int depth : {1, 127, kDepth}) {
      const auto out = logits_behind(model_named(GetParam(), "ref"), rounding, depth, 1);
      EXPECT_FALSE(out.empty());
      EXPECT_TRUE(std::ranges::all_of(out, [](float v) { return std::isfinite(v); })) << depth;
    }
}

TEST_P(SyntheticState, DependsOnTheSeedAlone) {
  const auto at = [&](int depth, uint64_t seed) {
    return logits_behind(model_named(GetParam(), "ref"), Rounding::Cache::native, depth, seed);
  };
  EXPECT_EQ(at(kDepth, 1), at(kDepth, 1));
  EXPECT_NE(at(kDepth, 1), at(kDepth, 2));
}

TEST_P(SyntheticState, ReachesAChipWhoseMemoryIsClosed) {
  EXPECT_EQ(logits_behind(model_named(GetParam(), "far"), Rounding::Cache::native, kDepth, 1),
            logits_behind(model_named(GetParam(), "ref"), Rounding::Cache::native, kDepth, 1));
}

INSTANTIATE_TEST_SUITE_P(Models, SyntheticState, testing::Values("gemma3", "qwen3_moe", "v4"),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace autark::engine
