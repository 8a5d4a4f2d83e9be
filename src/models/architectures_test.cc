// Goal: every architecture gives the same numbers however it is run, on one rank or several, and reports
// every fault of a config. Method: a tiny random checkpoint of each; the oracle chip on the whole prompt is
// the reference for prompts in chunks, for sequences in one batch and for groups of ranks; then configs with
// one fault each.
#include <gtest/gtest.h>
#include "chips/ref/ref_chip.h"
#include "chips/registry.h"
#include "cluster/thread_comm.h"
#include "models/architecture.h"
#include "models/families_testing.h"
#include "models/testing.h"

namespace autark {
namespace {

Json merged(Json config, const Json& more) {
  config.update(more);
  return config;
}

const Json kCommon = merged(tiny("llama"), {{"rms_norm_eps", 1e-6}});

struct Case {
  const char* name;
  const char* architecture;
  Json more;
};
std::ostream& operator<<(std::ostream& to, const Case& c) {
  return to << c.name;
}

Json config_of(const Case& c) {
  return merged(kCommon, c.more);
}

const Case kCases[] = {
    {"llama", "llama", Json::object()},
    {"llama3_rope",
     "llama",
     {{"rope_scaling",
       {{"rope_type", "llama3"},
        {"factor", 8.0},
        {"low_freq_factor", 1.0},
        {"high_freq_factor", 4.0},
        {"original_max_position_embeddings", 16}}}}},
    {"mistral_window", "mistral", {{"sliding_window", 5}}},
    {"qwen2", "qwen2", Json::object()},
    {"qwen2_window",
     "qwen2",
     {{"use_sliding_window", true}, {"sliding_window", 5}, {"max_window_layers", 2}}},
    {"qwen3_yarn",
     "qwen3",
     {{"rope_scaling", {{"rope_type", "yarn"}, {"factor", 4.0}, {"original_max_position_embeddings", 16}}}}},
    {"qwen3_moe",
     "qwen3_moe",
     {{"num_experts", 8},
      {"num_experts_per_tok", 2},
      {"moe_intermediate_size", 24},
      {"mlp_only_layers", {1}}}},
    {"gemma3",
     "gemma3",
     {{"sliding_window", 6}, {"sliding_window_pattern", 3}, {"query_pre_attn_scalar", 24}}},
    {"ernie4_5", "ernie4_5", {{"use_bias", true}}},
    {"ernie4_5_moe",
     "ernie4_5_moe",
     {{"moe_num_experts", 8},
      {"moe_k", 2},
      {"moe_intermediate_size", 24},
      {"moe_num_shared_experts", 2},
      {"moe_layer_interval", 2},
      {"moe_layer_start_index", 1}}},
    {"hunyuan_v1_dense",
     "hunyuan_v1_dense",
     {{"rope_scaling", {{"type", "dynamic"}, {"alpha", 1000.0}, {"factor", 1.0}}}}},
    {"hunyuan_v1_moe",
     "hunyuan_v1_moe",
     {{"num_experts", 8}, {"moe_topk", {2, 1, 3, 2}}, {"moe_intermediate_size", 24}}},
    {"hy_v3",
     "hy_v3",
     {{"num_experts", 8},
      {"num_experts_per_tok", 2},
      {"moe_intermediate_size", 24},
      {"num_shared_experts", 1},
      {"router_scaling_factor", 2.5}}},
    {"glm4_moe",
     "glm4_moe",
     {{"attention_bias", true},
      {"use_qk_norm", true},
      {"n_routed_experts", 8},
      {"num_experts_per_tok", 2},
      {"moe_intermediate_size", 24},
      {"n_shared_experts", 1}}},
    {"minimax_m2", "minimax_m2", tiny("minimax_m2")},
    {"gpt_oss", "gpt_oss", {{"num_local_experts", 8}, {"num_experts_per_tok", 2}, {"sliding_window", 6}}},
    {"deepseek_v3",
     "deepseek_v3",
     {{"q_lora_rank", 20},
      {"kv_lora_rank", 12},
      {"qk_nope_head_dim", 10},
      {"qk_rope_head_dim", 6},
      {"v_head_dim", 8},
      {"first_k_dense_replace", 1},
      {"n_routed_experts", 8},
      {"n_group", 4},
      {"topk_group", 2},
      {"num_experts_per_tok", 3},
      {"moe_intermediate_size", 24},
      {"n_shared_experts", 1}}},
    {"kimi_k2_without_q_lora",
     "kimi_k2",
     {{"q_lora_rank", nullptr},
      {"kv_lora_rank", 12},
      {"qk_nope_head_dim", 10},
      {"qk_rope_head_dim", 6},
      {"v_head_dim", 8},
      {"n_routed_experts", 8},
      {"n_group", 1},
      {"topk_group", 1},
      {"first_k_dense_replace", 0},
      {"num_experts_per_tok", 3},
      {"moe_intermediate_size", 24}}},
    {"qwen3_next", "qwen3_next", tiny("qwen3_next")},
    {"qwen3_5", "qwen3_5",
     merged(tiny("qwen3_5"),
            {{"layer_types", {"linear_attention", "full_attention", "linear_attention", "full_attention"}}})},
};

std::vector<int32_t> prompt(int n, int seed) {
  std::vector<int32_t> p;
  for (int i = 0; i < n; ++i) p.push_back((seed + 37 * i * i + 11 * i) % 96);
  return p;
}

// The logits of every token of a prompt, by rank.
std::vector<TinyEngine::Matrix> logits_of_ranks(const Case& of, const Json& config, int ranks) {
  std::vector<TinyEngine::Matrix> logits(ranks);
  run_ranks(ranks, [&](Comm& comm) {
    FormulaWeights weights(random_tensor, comm.rank(), comm.size());
    const auto model = architectures().at(of.architecture).make(config, weights);
    ASSERT_TRUE(model) << model.error().message;
    const auto chip = make_ref_chip(&comm);
    logits[comm.rank()] = TinyEngine(**model, *chip).feed(prompt(13, 3));
  });
  return logits;
}

class ArchitectureTest : public ::testing::TestWithParam<Case> {
 protected:
  std::unique_ptr<Model> make() {
    auto made = architectures().at(GetParam().architecture).make(config_of(GetParam()), weights_);
    EXPECT_TRUE(made) << made.error().message;
    return made ? std::move(*made) : nullptr;
  }
  FormulaWeights weights_{random_tensor};
  std::unique_ptr<Chip> chip_ = std::move(*make_chip("far"));  // ref, and faults on access to its memory
};

TEST_P(ArchitectureTest, ChunkedEqualsWhole) {
  const auto model = make();
  const auto tokens = prompt(19, 3);
  TinyEngine whole(*model, *chip_);
  const auto want = whole.feed(tokens);
  for (int cut : {1, 5, 6, 7, 18}) {
    TinyEngine cuts(*model, *chip_);
    auto got = cuts.feed(std::vector(tokens.begin(), tokens.begin() + cut));
    for (auto& row : cuts.feed(std::vector(tokens.begin() + cut, tokens.end()))) got.push_back(row);
    EXPECT_EQ(got, want) << "cut at " << cut;
  }
}

TEST_P(ArchitectureTest, ASequenceDoesNotFeelItsCompany) {
  const auto model = make();
  TinyEngine alone(*model, *chip_), together(*model, *chip_);
  const auto a = prompt(9, 1), b = prompt(13, 2);
  const auto want = alone.feed(b);
  const auto got = together.feed({{0, a}, {1, b}});
  EXPECT_TRUE(std::equal(want.begin(), want.end(), got.begin() + a.size()));
}

// Sums over ranks differ in the last bits from those of one rank, so the bound is relative to the logits'
// scale. Ranks of one group are equal bit for bit. With one key head, all ranks hold it.
TEST_P(ArchitectureTest, RanksAgreeWithOne) {
  for (int key_heads : {2, 1}) {
    Json config = config_of(GetParam());
    config["num_key_value_heads"] = key_heads;
    const auto want = logits_of_ranks(GetParam(), config, 1)[0];
    float scale = 0;
    for (const auto& row : want)
      for (float v : row) scale = std::max(scale, std::abs(v));
    for (int ranks : {2, 4}) {
      const auto got = logits_of_ranks(GetParam(), config, ranks);
      for (int r = 1; r < ranks; ++r) EXPECT_EQ(got[r], got[0]) << "rank " << r << " of " << ranks;
      ASSERT_EQ(got[0].size(), want.size());
      for (size_t t = 0; t < want.size(); ++t)
        for (size_t i = 0; i < want[t].size(); ++i)
          ASSERT_NEAR(got[0][t][i], want[t][i], 1e-5f * scale)
              << ranks << " ranks, " << key_heads << " key heads";
    }
  }
}

TEST_P(ArchitectureTest, HeadsThatRanksCannotShareAreRefused) {
  FormulaWeights weights(random_tensor, 0, 3);
  const auto made = architectures().at(GetParam().architecture).make(config_of(GetParam()), weights);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("cannot be cut into 3 shares of whole heads"), std::string::npos)
      << made.error().message;
  EXPECT_NE(made.error().message.find("use fewer ranks: 2 can share this model"), std::string::npos)
      << made.error().message;
}

TEST_P(ArchitectureTest, AMissingTensorIsNamed) {
  struct Lacking final : Weights {
    std::optional<Entry> open(const std::string& name, const Shape& shape) override {
      if (name == "model.layers.3.self_attn.o_proj.weight") return {};
      return Entry{Format::bf16, shape, {}};
    }
  } weights;
  const auto made = architectures().at(GetParam().architecture).make(config_of(GetParam()), weights);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("model.layers.3.self_attn.o_proj.weight"), std::string::npos);
}

TEST_P(ArchitectureTest, ABrokenConfigIsNamed) {
  for (const char* key : {"num_hidden_layers", "hidden_size", "num_attention_heads", "vocab_size"}) {
    Json broken = config_of(GetParam());
    for (Json value : {Json(nullptr), Json(-1), Json("seven"), Json(0.5), Json(1e300)}) {
      broken[key] = value;
      FormulaWeights weights;
      const auto made = architectures().at(GetParam().architecture).make(broken, weights);
      ASSERT_FALSE(made);
      EXPECT_NE(made.error().message.find(key), std::string::npos) << made.error().message;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(All, ArchitectureTest, ::testing::ValuesIn(kCases),
                         [](const auto& info) { return std::string(info.param.name); });

TEST(ArchitecturesTest, UnknownRopeScalingIsRefused) {
  Json j = kCommon;
  j["rope_scaling"] = {{"rope_type", "magic"}, {"factor", 2.0}};
  FormulaWeights weights;
  const auto made = architectures().at("llama").make(j, weights);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().message.find("magic"), std::string::npos);
}

TEST(ArchitecturesTest, HeadsMustFit) {
  Json j = kCommon;
  j["num_key_value_heads"] = 3;
  FormulaWeights weights;
  EXPECT_FALSE(architectures().at("llama").make(j, weights));
}

}  // namespace
}  // namespace autark
