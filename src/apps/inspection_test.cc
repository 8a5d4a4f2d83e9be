// Goal: `inspect` reports what is in the files, for models that run and for files that cannot run. Method:
// reference checkpoints counted by hand; a file of an unknown architecture and one that lacks tensors.
#include "apps/inspection.h"
#include <gtest/gtest.h>
#include <map>
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

// Of a GGUF file, in which they keep GGUF's names as far as no model asks for them. DeepSeek-V4's own draft head runs.
TEST(InspectionTest, DraftLayersOfAGgufFileAreCounted) {
  GgufBytes b;
  b.key("general.architecture", "glm4moe")
      .key("glm4moe.block_count", 3u)
      .key("glm4moe.nextn_predict_layers", 1u);
  const std::string four(4, 0);
  b.tensor("blk.1.attn_norm.weight", 0, {1}, four).tensor("blk.2.attn_norm.weight", 0, {1}, four);
  b.tensor("blk.2.nextn.eh_proj.weight", 0, {1}, four).tensor("blk.2.nextn.enorm.weight", 0, {1}, four);
  const MemoryFile file(b.bytes());
  const auto in = inspect(file.path());
  ASSERT_TRUE(in) << in.error().message;
  EXPECT_EQ(in->drafts_not_run.tensors, 3);
  EXPECT_EQ(in->drafts_not_run.bytes, 12);
  const auto v4 = golden_models().parent_path() / "deepseek-v4/pro-tiny/hf";
  if (!std::filesystem::exists(v4)) GTEST_SKIP() << "lacks " << v4;
  EXPECT_EQ(inspect(v4)->drafts_not_run.tensors, 0);
}

// Bytes by format, of tensors that a model file asks for.
std::map<std::string, int64_t> bytes_that_run(const Inspection& in) {
  std::map<std::string, int64_t> all;
  const int64_t layers = in.dimensions.value("num_hidden_layers", int64_t{0});
  for (const auto& t : in.tensors) {
    const bool layer = t.name.starts_with("model.layers.") && in.architecture != "deepseek_v4";
    const bool draft = layer && std::stoll(t.name.substr(13)) >= layers;
    const bool other = in.architecture != "deepseek_v4" && t.name.starts_with("mtp.");
    if (!draft && !other && !t.name.starts_with("model.visual.")) all[t.stored] += t.bytes;
  }
  return all;
}

TEST(InspectionTest, AConfigAloneSaysWhatTheFilesHave) {
  const auto root = golden_models().parent_path();
  std::vector<std::filesystem::path> all = golden_directories();
  std::error_code none;
  for (const auto& e : std::filesystem::directory_iterator(root / "families", none)) all.push_back(e.path());
  for (const auto& e : std::filesystem::directory_iterator(root / "deepseek-v4", none))
    all.push_back(e.path() / "hf");
  int found = 0;
  for (const auto& path : all) {
    if (!std::filesystem::exists(path / "config.json")) continue;
    SCOPED_TRACE(path);
    const TestDirectory dir;
    std::filesystem::copy(path / "config.json", dir / "config.json");
    const auto files = inspect(path), folder = inspect(dir.path()), file = inspect(dir / "config.json");
    ASSERT_TRUE(files && folder && file);
    EXPECT_EQ(folder->kind, "config");
    EXPECT_EQ(folder->fault, "");
    EXPECT_EQ(bytes_that_run(*folder), bytes_that_run(*files));
    EXPECT_EQ(file->bytes, folder->bytes);
    EXPECT_EQ(folder->state_bytes_per_1k_tokens, files->state_bytes_per_1k_tokens);
    EXPECT_EQ(folder->context, files->context);
    ASSERT_EQ(folder->stored_as.size(), 4u);
    EXPECT_GT(folder->active_parameters, 0);
    EXPECT_LE(folder->active_parameters, folder->parameters);
    ++found;
  }
  if (!found) GTEST_SKIP() << "lacks reference models in " << root;
}

// 671 billion parameters, of which 36.6 are active.
TEST(InspectionTest, APublishedConfigSaysWhatItNeedsHere) {
  const TestDirectory dir;
  dir.write("config.json", R"({"model_type": "deepseek_v3", "num_hidden_layers": 61, "hidden_size": 7168,
      "num_attention_heads": 128, "intermediate_size": 18432, "vocab_size": 129280, "q_lora_rank": 1536,
      "kv_lora_rank": 512, "qk_nope_head_dim": 128, "qk_rope_head_dim": 64, "v_head_dim": 128,
      "n_routed_experts": 256, "num_experts_per_tok": 8, "moe_intermediate_size": 2048, "n_shared_experts": 1,
      "first_k_dense_replace": 3, "n_group": 8, "topk_group": 4, "rope_theta": 10000,
      "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]}})");
  auto in = inspect(dir.path());
  ASSERT_TRUE(in) << in.error().message;
  EXPECT_EQ(in->parameters, 671'026'419'200);
  EXPECT_NEAR(double(in->active_parameters) / 1e9, 36.6, 0.05);
  EXPECT_EQ(in->formats.at(0).format, "F8_E4M3");
  EXPECT_EQ(in->state_bytes_per_1k_tokens, 1000 * 61 * 2 * 576);
  Json j = to_json(*in, false);
  EXPECT_EQ(j["fits"], false);
  EXPECT_EQ(j["stored_as"][0]["format"], "as published");
  EXPECT_EQ(j["stored_as"][0]["bytes"], in->bytes);
  EXPECT_TRUE(j["stored_as"][0]["tokens_per_second_by_memory"].is_null());
  in->read_gb_per_second = 100;
  j = to_json(*in, false);
  const double bytes = j["stored_as"][0]["bytes_of_a_token"].get<double>();
  EXPECT_NEAR(bytes / 1e9, 36.6 + 61 * 1024 * 1152 / 1e9 + 0.93, 0.3);  // the head has two bytes a value
  EXPECT_DOUBLE_EQ(j["stored_as"][0]["tokens_per_second_by_memory"].get<double>(), 100e9 / bytes);
}

TEST(InspectionTest, AConfigOfAnotherQuantisationDoesNotRun) {
  const TestDirectory dir;
  const auto with = [&](const std::string& about) {
    dir.write("config.json",
              R"({"model_type": "qwen3", "num_hidden_layers": 2, "hidden_size": 256, "head_dim": 64,
        "num_attention_heads": 4, "num_key_value_heads": 2, "intermediate_size": 512, "vocab_size": 256,
        "tie_word_embeddings": true, "rope_theta": 10000, "max_position_embeddings": 512,
        "quantization_config": )" +
                  about + "}");
    return to_json(*inspect(dir.path()), false);
  };
  const Json four = with(R"({"quant_method": "compressed-tensors", "format": "pack-quantized"})");
  EXPECT_EQ(four["runs"], false);
  EXPECT_NE(four["fault"].get<std::string>().find("is quantised by 'compressed-tensors'"), std::string::npos);
  EXPECT_EQ(four["bytes"], 0);
  EXPECT_EQ(four["fits"], false);
  EXPECT_GT(four["parameters"], 0);
  ASSERT_EQ(four["stored_as"].size(), 3u) << "what other formats of the model need";
  EXPECT_EQ(four["stored_as"][0]["format"], "BF16");
  const Json blocks = with(R"({"quant_method": "fp8", "weight_block_size": [64, 64]})");
  EXPECT_EQ(blocks["runs"], false);
  const Json good = with(R"({"quant_method": "fp8", "weight_block_size": [128, 128]})");
  EXPECT_EQ(good["runs"], true);
  EXPECT_EQ(good["parameters"], blocks["parameters"]);
  const int64_t codes = good["formats"][0]["bytes"];
  EXPECT_EQ(good["formats"][0]["format"], "F8_E4M3");
  EXPECT_EQ(blocks["bytes"].get<int64_t>() - good["bytes"].get<int64_t>(),
            4 * (codes / (64 * 64) - codes / (128 * 128)));
}

TEST(InspectionTest, AConfigThatCannotRunSaysWhy) {
  const TestDirectory dir;
  dir.write("config.json", R"({"model_type": "glm4_moe", "num_hidden_layers": 2})");
  const auto in = inspect(dir.path());
  ASSERT_TRUE(in) << in.error().message;
  EXPECT_NE(in->fault.find("hidden_size is missing"), std::string::npos) << in->fault;
  EXPECT_EQ(to_json(*in, true)["active_parameters"], 0);
  dir.write("config.json", R"({"model_type": "mamba"})");
  EXPECT_NE(inspect(dir.path())->fault.find("architecture 'mamba'"), std::string::npos);
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
