// Goal: `inspect` reports what is in the files, for models that run and for files that cannot run. Method:
// reference checkpoints counted by hand; a file of an unknown architecture and one that lacks tensors.
#include "apps/inspection.h"
#include <gtest/gtest.h>
#include <random>
#include "base/gguf_testing.h"
#include "base/mapped_file.h"
#include "base/memory_file.h"
#include "models/v4_tensors.h"
#include "models/v4_testing.h"
#include "weights/golden_testing.h"
#include "weights/testing.h"

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

// A text model inside a vision checkpoint, with a draft head.
TEST(InspectionTest, TensorsThatAreNotRunAreCounted) {
  const auto path = golden_models().parent_path() / "families" / "qwen3_5-dense";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "lacks " << path;
  const auto in = inspect(path);
  ASSERT_TRUE(in) << in.error().message;
  EXPECT_EQ(in.value().fault, "");
  EXPECT_EQ(in.value().drafts_not_run.tensors, 15);
  EXPECT_EQ(in.value().vision_not_run.tensors, 2);
  const Json j = to_json(in.value(), false);
  ASSERT_EQ(j["not_run"].size(), 2U);
  EXPECT_EQ(j["not_run"][1]["what"], "vision tower");
}

TEST(InspectionTest, F04_TheEndsOfTurnsAreAmongTheEndTokens) {
  const auto all = golden_directories();
  if (all.empty()) GTEST_SKIP() << "lacks reference models in " << golden_models();
  for (const auto& path : all) {
    if (!std::filesystem::exists(path / "tokenizer_config.json")) continue;
    const auto in = inspect(path);
    ASSERT_TRUE(in) << in.error().message;
    EXPECT_EQ(in.value().end_tokens, (std::vector<int32_t>{1, 3})) << path << ": <|end|>, <|im_end|>";
  }
}

TEST(InspectionTest, AnUnknownArchitectureIsShownAndRefused) {
  GgufBytes b;
  b.key("general.architecture", "mamba").tensor("blk.0.ssm_a", 0, {3}, std::string(12, 'a'));
  const MemoryFile file(b.bytes());
  const auto in = inspect(file.path());
  ASSERT_TRUE(in) << in.error().message;
  EXPECT_NE(in.value().fault.find("architecture 'mamba' is not one this program runs (deepseek_v3, "
                                  "deepseek_v4, ernie4_5, ernie4_5_moe"),
            std::string::npos)
      << in.value().fault;
  EXPECT_EQ(in.value().tensors.at(0).name, "blk.0.ssm_a");
  EXPECT_EQ(to_json(in.value(), false)["fits"], false);
  EXPECT_FALSE(to_json(in.value(), false).contains("tensors"));
}

TEST(InspectionTest, DamagedFilesNeverDoHarm) {
  const auto ggufs = golden_ggufs();
  if (ggufs.empty()) GTEST_SKIP() << "lacks reference models in " << golden_models();
  std::mt19937 gen(3);
  for (const auto& path : ggufs) {
    const auto whole = read_file(path);
    ASSERT_TRUE(whole);
    for (int i = 0; i < 60; ++i) {
      std::string bad = whole.value();
      for (int k = gen() % 4; k >= 0; --k)
        bad[gen() % (k ? 2500 : 30000)] = static_cast<char>(gen() % 3 ? gen() : 0xff);
      if (i % 10 == 0) bad.resize(gen() % bad.size());
      const MemoryFile file(bad);
      const auto in = inspect(file.path());
      EXPECT_TRUE(!in || !dump_json(to_json(in.value(), true)).empty());
    }
  }
}

TEST(InspectionTest, DamagedConfigsNeverDoHarm) {
  const auto directories = golden_directories();
  if (directories.empty()) GTEST_SKIP() << "lacks reference models in " << golden_models();
  const TestDirectory dir;
  for (const auto& path : directories) {
    const auto whole = read_file(path / "config.json");
    ASSERT_TRUE(whole);
    for (const auto& f : std::filesystem::directory_iterator(path))
      if (f.path().filename() != "config.json") std::filesystem::copy(f.path(), dir / f.path().filename());
    std::mt19937 gen(4);
    constexpr std::string_view kOther = "0\"-19.e[]{},:tn ";
    for (int i = 0; i < 100; ++i) {
      std::string bad = whole.value();
      for (int k = gen() % 3; k >= 0; --k) bad[gen() % bad.size()] = kOther[gen() % kOther.size()];
      std::filesystem::remove(dir / "config.json");
      dir.write("config.json", bad);
      const auto in = inspect(dir.path());
      EXPECT_TRUE(!in || !dump_json(to_json(in.value(), false)).empty());
    }
    for (const auto& f : std::filesystem::directory_iterator(dir.path())) std::filesystem::remove(f.path());
  }
}

// Files of the published size. Their directory of tensors is real; the data is a hole in a sparse file.
TEST(InspectionTest, PublishedDeepseekV4IsRecognisedAndCounted) {
  const TestDirectory dir;
  const Json config = v4_flash_config();
  const ConfigFile f(config);
  const V4Config c(f);
  SafetensorsBytes b;
  uint64_t at = 0;
  for (const auto& t : v4_tensors(c, read_v4_contents(f, c))) {
    b.entry(t.name, t.dtype, t.shape, at, at + t.bytes());
    at += t.bytes();
  }
  const std::string header = b.bytes(int(-b.bytes().size() % 8));  // aligned, as published files are
  dir.write("config.json", dump_json(config));
  dir.write("model.safetensors", header);
  std::error_code failed;
  std::filesystem::resize_file(dir / "model.safetensors", header.size() + at, failed);
  if (failed) GTEST_SKIP() << "lacks a file system that has files of " << at << " bytes";
  const auto in = inspect(dir.path());
  ASSERT_TRUE(in) << in.error().message;
  EXPECT_EQ(in->fault, "");
  ASSERT_TRUE(in->listing);
  EXPECT_EQ(in->listing->release, "DeepSeek-V4-Flash (preview)");
  EXPECT_EQ(in->listing->tensors, 69'187);
  EXPECT_EQ(in->bytes, 159'609'485'896);
  ASSERT_EQ(in->behind.size(), 3u);
  const auto& far = in->behind.back();
  EXPECT_EQ(far.tokens, 1 << 20);
  EXPECT_NEAR(double(far.record_bytes) / (1 << 20), 3517, 0.5);
  EXPECT_NEAR(far.flops / 1e9, 140.3, 0.1);
  EXPECT_NEAR(far.weight_bytes / 1e9, 11.217, 0.002);
  EXPECT_NEAR(far.record_bytes_read / 1e6, 480, 1);
  EXPECT_EQ(to_json(*in, false)["listing"]["as_listed"], true);
}

TEST(InspectionTest, TinyDeepseekV4IsAsItsConfigSays) {
  const auto root = golden_models().parent_path() / "deepseek-v4";
  std::error_code none;
  int found = 0;
  for (const auto& e : std::filesystem::directory_iterator(root, none)) {
    if (!std::filesystem::exists(e.path() / "hf/config.json")) continue;
    SCOPED_TRACE(e.path());
    const auto in = inspect(e.path() / "hf");
    ASSERT_TRUE(in) << in.error().message;
    EXPECT_EQ(in->fault, "");
    ASSERT_TRUE(in->listing);
    EXPECT_TRUE(in->listing->differences.empty());
    EXPECT_EQ(in->listing->tensors, std::ssize(in->tensors));
    ++found;
  }
  if (!found) GTEST_SKIP() << "lacks reference models in " << root;
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
