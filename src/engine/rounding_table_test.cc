// Goal: the table says what runs by default, and the modes mean what they say.
// Method: rows that are there, one that is not, and every name of --rounding.
#include "engine/rounding_table.h"
#include <gtest/gtest.h>

namespace autark::engine {
namespace {

TEST(RoundingTableTest, EveryRowNamesAModeThatRuns) {
  for (const char* architecture : {"llama", "qwen2", "qwen3", "qwen3_moe", "gemma3", "deepseek_v4"}) {
    for (const char* weights : {"plain", "blocks"}) {
      const RoundingRow& row = rounding_row(architecture, weights);
      EXPECT_EQ(row.architecture, architecture);
      EXPECT_EQ(row.weights, weights);
      EXPECT_TRUE(rounding_named(row.mode));
    }
  }
}

TEST(RoundingTableTest, WhatNobodyMeasuredIsNotRounded) {
  EXPECT_EQ(rounding_row("mamba", "blocks").mode, "none");
}

TEST(RoundingTableTest, ModesAreTwoChoices) {
  const auto none = rounding_named("none"), fast = rounding_named("fast");
  ASSERT_TRUE(none && fast);
  EXPECT_EQ((*none).inputs, Rounding::Inputs::f32);
  EXPECT_EQ((*none).cache, Rounding::Cache::f32);
  EXPECT_EQ((*fast).inputs, Rounding::Inputs::int8);
  EXPECT_EQ((*fast).cache, Rounding::Cache::native);
  EXPECT_EQ(name_of(*none), "none");
  EXPECT_EQ(name_of(*fast), "fast");
  const auto exact = rounding_named("exact"), trained = rounding_named("trained");
  ASSERT_TRUE(exact && trained);
  EXPECT_EQ((*exact).inputs, Rounding::Inputs::official);
  EXPECT_EQ((*exact).cache, Rounding::Cache::qdq);
  EXPECT_EQ((*trained).cache, Rounding::Cache::native);
  EXPECT_EQ(name_of(*exact), "exact");
  EXPECT_EQ(name_of(*trained), "trained");
  EXPECT_EQ(rounding_named("quick").error().code, Code::invalid);
}

TEST(RoundingTableTest, OfficialRoundingNeedsAnOfficialCode) {
  const auto exact = rounding_named("exact"), trained = rounding_named("trained"),
             fast = rounding_named("fast");
  ASSERT_TRUE(exact && trained && fast);
  EXPECT_FALSE(fault_of(*exact, "deepseek_v4", "safetensors"));
  EXPECT_FALSE(fault_of(*trained, "deepseek_v4", "gguf"));
  EXPECT_FALSE(fault_of(*fast, "llama", "gguf"));
  ASSERT_TRUE(fault_of(*exact, "deepseek_v4", "gguf"));
  ASSERT_TRUE(fault_of(*trained, "llama", "safetensors"));
  EXPECT_NE(fault_of(*exact, "llama", "gguf")->message.find("llama from gguf"), std::string::npos);
}

}  // namespace
}  // namespace autark::engine
