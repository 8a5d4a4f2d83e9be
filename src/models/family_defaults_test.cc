// Goal: a key that a config does not have means what the family says, and a list with one entry a layer counts layer
// by layer. Method: tiny models made with the key and without it ask for the same tensors and give the same logits;
// another value changes one or the other.
#include <gtest/gtest.h>
#include "chips/ref/ref_chip.h"
#include "models/architecture.h"
#include "models/families_testing.h"
#include "models/testing.h"

namespace autark {
namespace {

const Json kYarn = {{"rope_type", "yarn"}, {"factor", 32.0},   {"original_max_position_embeddings", 4096},
                    {"beta_fast", 32.0},   {"beta_slow", 1.0}, {"truncate", false}};

struct Absent {
  const char* architecture;
  const char* key;
  Json means, other;
};
const Absent kAbsent[] = {
    {"deepseek_v3", "n_group", 8, 4},
    {"deepseek_v3", "topk_group", 4, 8},
    {"deepseek_v3", "num_experts_per_tok", 8, 6},
    {"deepseek_v3", "routed_scaling_factor", 2.5, 1.0},
    {"deepseek_v3", "n_shared_experts", 1, 2},
    {"deepseek_v3", "first_k_dense_replace", 3, 1},
    {"deepseek_v3", "q_lora_rank", 1536, 20},
    {"deepseek_v3", "q_lora_rank", 1536, nullptr},
    {"deepseek_v3", "kv_lora_rank", 512, 12},
    {"deepseek_v3", "qk_nope_head_dim", 128, 10},
    {"deepseek_v3", "qk_rope_head_dim", 64, 6},
    {"deepseek_v3", "v_head_dim", 128, 8},
    {"deepseek_v3", "n_routed_experts", 256, 16},
    {"deepseek_v3", "moe_intermediate_size", 2048, 24},
    {"kimi_k2", "n_group", 8, 4},
    {"kimi_k2", "q_lora_rank", 1536, 20},
    {"glm4_moe", "n_shared_experts", 1, 2},
    {"glm4_moe", "routed_scaling_factor", 1.0, 2.5},
    {"glm4_moe", "first_k_dense_replace", 1, 3},
    {"ernie4_5_moe", "moe_num_shared_experts", 2, 0},
    {"ernie4_5_moe", "moe_num_experts", 64, 8},
    {"ernie4_5_moe", "moe_intermediate_size", 1536, 24},
    {"ernie4_5_moe", "moe_k", 6, 2},
    {"hy_v3", "router_scaling_factor", 2.826, 1.0},
    {"hy_v3", "num_shared_experts", 1, 2},
    {"gpt_oss", "rope_scaling", kYarn, {{"rope_type", "default"}}},
    {"gpt_oss", "rope_theta", 150000.0, 1e4},
};

TinyEngine::Matrix logits(const char* architecture, const Json& config) {
  FormulaWeights weights(random_tensor);
  const auto model = architectures().at(architecture).make(config, weights);
  EXPECT_TRUE(model) << model.error().message;
  if (!model) return {};
  const auto chip = make_ref_chip();
  TinyEngine engine(**model, *chip);
  return engine.feed(std::vector<int32_t>{5, 9, 33, 2, 60, 7, 7, 41});
}

std::map<std::string, Shape> asked(const char* architecture, const Json& config) {
  AllBut weights("");
  EXPECT_EQ(fault_of(architecture, config, weights), "");
  return std::move(weights.asked);
}

TEST(FamilyDefaultsTest, AnAbsentKeyMeansWhatTheFamilySays) {
  for (const Absent& a : kAbsent) {
    SCOPED_TRACE(std::string(a.architecture) + " " + a.key);
    Json base = tiny(a.architecture);
    if (base.contains("kv_lora_rank"))  // so many that groups and the number of the chosen count
      base.update({{"n_routed_experts", 16}, {"num_experts_per_tok", 6}, {"n_group", 8}, {"topk_group", 4}});
    Json told = base, absent = base, other = base;
    told[a.key] = a.means, other[a.key] = a.other;
    absent.erase(a.key);
    const auto tensors = asked(a.architecture, told);
    EXPECT_EQ(asked(a.architecture, absent), tensors);
    if (asked(a.architecture, other) != tensors) continue;
    const auto values = logits(a.architecture, told);
    EXPECT_EQ(logits(a.architecture, absent), values);
    EXPECT_NE(logits(a.architecture, other), values);
  }
}

TEST(FamilyDefaultsTest, ANullRankOfDeepseekIsNoRank) {
  Json config = tiny("deepseek_v3");
  config["q_lora_rank"] = nullptr;
  const auto tensors = asked("deepseek_v3", config);
  EXPECT_TRUE(tensors.contains("model.layers.0.self_attn.q_proj.weight"));
  EXPECT_FALSE(tensors.contains("model.layers.0.self_attn.q_a_proj.weight"));
}

TEST(FamilyDefaultsTest, HunyuanHasNumbersOfItsOwnInEachLayer) {
  const std::vector<int64_t> chosen{1, 2, 3, 2};
  Json config = tiny("hunyuan_v1_moe");
  config.update({{"num_experts", {8, 4, 6, 8}},
                 {"moe_topk", chosen},
                 {"moe_intermediate_size", {24, 16, 24, 32}},
                 {"num_shared_expert", {1, 0, 2, 1}}});
  const auto tensors = asked("hunyuan_v1_moe", config);
  const std::string at = "model.layers.";
  EXPECT_EQ(tensors.at(at + "1.mlp.gate.wg.weight"), (Shape{4, 48}));
  EXPECT_EQ(tensors.at(at + "3.mlp.experts.7.up_proj.weight"), (Shape{32, 48}));
  EXPECT_EQ(tensors.at(at + "2.mlp.shared_mlp.up_proj.weight"), (Shape{80, 48}));
  EXPECT_FALSE(tensors.contains(at + "1.mlp.experts.4.up_proj.weight"));
  EXPECT_FALSE(tensors.contains(at + "1.mlp.shared_mlp.up_proj.weight"));
  FormulaWeights weights(random_tensor);
  const auto model = architectures().at("hunyuan_v1_moe").make(config, weights);
  ASSERT_TRUE(model) << model.error().message;
  const auto chip = make_ref_chip();
  TinyEngine engine(**model, *chip);
  engine.feed(std::vector<int32_t>{5, 9, 33});
  for (int i = 0; i < 4; ++i) EXPECT_EQ(engine.notes.at({i, "router_ids"}).cols(), chosen[i]) << i;
  Json one = tiny("hunyuan_v1_moe"), same = one;
  same["moe_topk"] = {2, 2, 2, 2};
  EXPECT_EQ(logits("hunyuan_v1_moe", same), logits("hunyuan_v1_moe", one));
}

}  // namespace
}  // namespace autark
