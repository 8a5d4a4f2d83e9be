// Goal: no code outside of a chip touches its memory, so a model, its state and its draft heads could be on a
// device. Method: everything runs on the chip far, whose memory is closed to all code except its verbs (an
// access ends the process), and must give the bits of ref: small models with all named tensors, draft heads,
// and golden checkpoints, up to three of each architecture, or all of them with AUTARK_FAR=all.
#include <gtest/gtest.h>
#include "engine/golden_testing.h"
#include "engine/testing.h"
#include "engine/trace.h"

namespace autark::engine {
namespace {

void expect_equal(const Trace::Matrix& far, const Trace::Matrix& ref, const std::string& name) {
  EXPECT_FALSE(ref.values.empty()) << name;
  EXPECT_EQ(far.values, ref.values) << name;
}

void expect_equal(const Trace& far, const Trace& ref) {
  expect_equal(far.embed, ref.embed, "embed");
  expect_equal(far.norm, ref.norm, "norm");
  expect_equal(far.logits, ref.logits, "logits");
  EXPECT_EQ(far.greedy, ref.greedy);
  EXPECT_EQ(far.greedy_margin, ref.greedy_margin);
  ASSERT_EQ(far.layers.size(), ref.layers.size());
  for (size_t i = 0; i < ref.layers.size(); ++i)
    expect_equal(far.layers[i], ref.layers[i], std::to_string(i));
  for (const auto& [layer, route] : ref.routes) {
    EXPECT_EQ(far.routes.at(layer).ids, route.ids);
    EXPECT_EQ(far.routes.at(layer).weights.values, route.weights.values);
  }
  ASSERT_EQ(far.notes.size(), ref.notes.size());
  for (const auto& [name, note] : ref.notes) {
    ASSERT_TRUE(far.notes.contains(name)) << name;
    EXPECT_EQ(far.notes.at(name).values, note.values) << name;
    EXPECT_EQ(far.notes.at(name).integers, note.integers) << name;
  }
}

Trace traced(LoadedModel& m, const std::vector<int32_t>& tokens, const TraceOptions& o) {
  auto t = trace(m, tokens, o);
  EXPECT_TRUE(t) << t.error().message;
  return t ? std::move(*t) : Trace{};
}

TEST(FarTest, SmallModelsGiveWhatRefGives) {
  for (const char* architecture :
       {"llama", "qwen2", "qwen3", "qwen3_moe", "gemma3", "ernie4_5", "deepseek_v4"}) {
    SCOPED_TRACE(architecture);
    const auto run = [&](const char* chip) {
      const bool v4 = architecture == std::string("deepseek_v4");
      LoadedModel m = v4 ? toy_v4_model(chip_named(chip), toy_v4_config(), /*drafter=*/true)
                         : test_model(architecture, chip_named(chip));
      if (v4) m.rounding.cache = Rounding::Cache::native;
      auto tokens = test_prompt(40, 5);
      for (int32_t& t : tokens) t %= kToyVocabulary;
      return traced(m, tokens, {.greedy = 4, .chunk = 16, .draft = v4, .beside = {{1, 2, 3}}});
    };
    expect_equal(run("far"), run("ref"));
  }
}

TEST(FarTest, GoldenCheckpointsGiveWhatRefGives) {
  const auto checkpoints = golden_checkpoints(3, "AUTARK_FAR");
  if (checkpoints.empty()) GTEST_SKIP() << "lacks reference models in " << golden("models");
  std::vector<int32_t> tokens;
  for (int i = 0; i < 24; ++i) tokens.push_back((7 * i * i + 3 * i + 5) % 90);
  for (const auto& path : checkpoints) {
    SCOPED_TRACE(path);
    const auto run = [&](const char* chip) {
      auto m = load_model(path, {.chip = chip});
      EXPECT_TRUE(m) << m.error().message;
      return m ? traced(*m, tokens, {.greedy = 3, .chunk = 16}) : Trace{};
    };
    expect_equal(run("far"), run("ref"));
  }
}

}  // namespace
}  // namespace autark::engine
