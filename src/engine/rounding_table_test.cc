// Goal: the table says what runs by default, and the modes mean what they say.
// Method: rows that are there, one that is not, and every name of --rounding.
#include "engine/rounding_table.h"
#include <gtest/gtest.h>

namespace autark::engine {
namespace {

TEST(RoundingTableTest, EveryRowNamesAModeThatRuns) {
  for (const char* architecture : {"llama", "qwen2", "qwen3", "qwen3_moe", "gemma3"}) {
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
  EXPECT_EQ(rounding_named("exact").error().code, Code::unsupported);
  EXPECT_EQ(rounding_named("quick").error().code, Code::invalid);
}

}  // namespace
}  // namespace autark::engine
