// Goal: every architecture has a valid default mode, and each mode has the rounding of its definition.
// Method: the entries of all architectures, one without defaults, and every name of --rounding.
#include "engine/rounding_modes.h"
#include <gtest/gtest.h>

namespace autark::engine {
namespace {

TEST(RoundingModesTest, EveryDefaultIsAModeThatRuns) {
  ASSERT_FALSE(architectures().empty());
  for (const auto& [name, a] : architectures()) {
    for (const RoundingDefault& d : {a.rounding.plain, a.rounding.blocks}) {
      const auto mode = rounding_named(d.mode);
      ASSERT_TRUE(mode) << name;
      EXPECT_FALSE(fault_of(*mode, a, "gguf")) << name;
    }
  }
}

TEST(RoundingModesTest, WhatNobodyMeasuredIsNotRounded) {
  const Architecture a{.name = "mamba", .make = nullptr};
  EXPECT_STREQ(a.rounding.plain.mode, "none");
  EXPECT_STREQ(a.rounding.blocks.mode, "none");
}

TEST(RoundingModesTest, ModesAreTwoChoices) {
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

TEST(RoundingModesTest, OfficialRoundingNeedsAnOfficialCode) {
  const auto exact = rounding_named("exact"), trained = rounding_named("trained"),
             fast = rounding_named("fast");
  ASSERT_TRUE(exact && trained && fast);
  EXPECT_FALSE(fault_of(*exact, architectures().at("deepseek_v4"), "safetensors"));
  EXPECT_FALSE(fault_of(*trained, architectures().at("deepseek_v4"), "gguf"));
  EXPECT_FALSE(fault_of(*fast, architectures().at("llama"), "gguf"));
  ASSERT_TRUE(fault_of(*exact, architectures().at("deepseek_v4"), "gguf"));
  ASSERT_TRUE(fault_of(*trained, architectures().at("llama"), "safetensors"));
  EXPECT_NE(fault_of(*exact, architectures().at("llama"), "gguf")->message.find("llama from gguf"),
            std::string::npos);
}

}  // namespace
}  // namespace autark::engine
