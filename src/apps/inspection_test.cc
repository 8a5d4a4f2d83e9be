// Goal: what `inspect` says is what is there, for models that run and for files that cannot.
// Method: reference checkpoints counted by hand; a file of an unknown architecture and one that lacks
// tensors.
#include "apps/inspection.h"
#include <gtest/gtest.h>
#include "base/gguf_testing.h"
#include "base/memory_file.h"
#include "weights/golden_testing.h"

namespace autark::apps {
namespace {

TEST(InspectionTest, EveryReferenceModelRunsAndIsCounted) {
  auto all = golden_directories();
  for (const auto& gguf : golden_ggufs()) all.push_back(gguf);
  if (all.empty()) GTEST_SKIP() << "lacks reference models in " << golden_models();
  for (const auto& path : all) {
    SCOPED_TRACE(path);
    const auto in = inspect(path);
    ASSERT_TRUE(in) << in.error().message;
    EXPECT_EQ(in.value().fault, "");
    int64_t bytes = 0;
    for (const auto& s : in.value().formats) bytes += s.bytes;
    EXPECT_EQ(bytes, in.value().bytes);
    const Json& d = in.value().dimensions;
    const int64_t head_dim =
        d.value("head_dim", d["hidden_size"].get<int64_t>() / d["num_attention_heads"].get<int64_t>());
    const int64_t row = d["num_key_value_heads"].get<int64_t>() * head_dim * 2;  // f16
    const int64_t layers = d["num_hidden_layers"].get<int64_t>();
    if (in.value().architecture == "gemma3") {
      EXPECT_EQ(in.value().state_bytes_of_windows % (2 * row * d["sliding_window"].get<int64_t>()), 0);
      EXPECT_GT(in.value().state_bytes_of_windows, 0);
    } else {
      EXPECT_EQ(in.value().state_bytes_per_1k_tokens, 1000 * 2 * layers * row);
    }
    EXPECT_EQ(in.value().context, d["max_position_embeddings"].get<int64_t>());
    const Json j = to_json(in.value(), true);
    EXPECT_EQ(j["tensors"].size(), in.value().tensors.size());
    EXPECT_EQ(j["runs"], true);
  }
}

TEST(InspectionTest, AnUnknownArchitectureIsShownAndRefused) {
  GgufBytes b;
  b.key("general.architecture", "mamba").tensor("blk.0.ssm_a", 0, {3}, std::string(12, 'a'));
  const MemoryFile file(b.bytes());
  const auto in = inspect(file.path());
  ASSERT_TRUE(in) << in.error().message;
  EXPECT_NE(in.value().fault.find("architecture 'mamba' is not one this program runs (gemma3, llama"),
            std::string::npos)
      << in.value().fault;
  EXPECT_EQ(in.value().tensors.at(0).name, "blk.0.ssm_a");
  EXPECT_EQ(to_json(in.value(), false)["fits"], false);
  EXPECT_FALSE(to_json(in.value(), false).contains("tensors"));
}

TEST(InspectionTest, WhatIsMissingIsSaid) {
  GgufBytes b;
  b.key("general.architecture", "llama").tensor("output_norm.weight", 0, {3}, std::string(12, 'a'));
  const MemoryFile file(b.bytes());
  const auto in = inspect(file.path());
  ASSERT_TRUE(in) << in.error().message;
  EXPECT_NE(in.value().fault.find("num_hidden_layers is missing"), std::string::npos) << in.value().fault;
  EXPECT_FALSE(inspect("no such model"));
}

}  // namespace
}  // namespace autark::apps
