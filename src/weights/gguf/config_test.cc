// Goal: the keys of GGUF files of single families become those of a config.json with the same meaning, where keys are
// absent, too. Method: files of keys and tensors made by hand.
#include "weights/gguf/config.h"
#include "base/gguf_testing.h"
#include "weights/checkpoint.h"
#include "weights/testing.h"

namespace autark {
namespace {

// The config of a file that has these tensors, of zeros.
class FamilyKeysTest : public ::testing::Test {
 protected:
  struct Tensor {
    const char* name;
    std::vector<int64_t> shape = {4};
  };
  Json config(GgufBytes b, const std::vector<Tensor>& tensors = {}) {
    for (const Tensor& t : tensors) b.tensor(t.name, 0, t.shape, std::string(1024, 0));
    b.write(dir_ / "m.gguf");
    auto c = open_checkpoint(dir_ / "m.gguf");
    EXPECT_TRUE(c) << c.error().message;
    if (!c) return {};
    names_.clear();
    for (const auto& t : c->tensors) names_.push_back(t.name);
    return c->config;
  }
  static GgufBytes of(const char* architecture) {
    return GgufBytes().key("general.architecture", architecture);
  }
  std::vector<std::string> names_;
  TestDirectory dir_;
};

TEST_F(FamilyKeysTest, WhatOneLayerOfGlmHasAllNeed) {
  Json j = config(of("glm4moe"), {{"blk.2.attn_k.bias"}, {"blk.1.attn_q_norm.weight"}});
  EXPECT_EQ(j["attention_bias"], true);
  EXPECT_EQ(j["use_qk_norm"], true);
  j = config(of("glm4moe"), {{"blk.0.attn_output.bias"}, {"blk.0.attn_norm.weight"}});
  EXPECT_EQ(j["attention_bias"], false);
  EXPECT_EQ(j["use_qk_norm"], false);
}

TEST_F(FamilyKeysTest, DraftBlocksAreNoLayers) {
  for (const std::string a :
       {"qwen35", "qwen35moe", "qwen3next", "deepseek2", "glm4moe", "hy_v3", "ernie4_5-moe"}) {
    GgufBytes b = of(a.c_str()).key(a + ".block_count", 5u).key(a + ".nextn_predict_layers", 1u);
    EXPECT_EQ(config(b, {{"blk.4.nextn.eh_proj.weight"}})["num_hidden_layers"], 4) << a;
    EXPECT_EQ(names_.at(0), "model.layers.4.eh_proj.weight") << a;
  }
}

// A model refuses these words.
TEST_F(FamilyKeysTest, ARouterThatIsAnotherIsSaid) {
  for (const std::string a : {"hy_v3", "minimax-m2", "glm4moe", "deepseek2"}) {
    EXPECT_FALSE(config(of(a.c_str()).key(a + ".expert_gating_func", 2u)).contains("scoring_func")) << a;
    EXPECT_EQ(config(of(a.c_str()).key(a + ".expert_gating_func", 1u))["scoring_func"],
              "expert_gating_func 1")
        << a;
  }
  EXPECT_EQ(config(of("hy_v3"))["route_norm"], false);
  EXPECT_EQ(config(of("hy_v3").key("hy_v3.expert_weights_norm", true))["route_norm"], true);
  EXPECT_EQ(config(of("minimax-m2"))["norm_topk_prob"], true);
  EXPECT_EQ(config(of("minimax-m2").key("minimax-m2.expert_weights_norm", false))["norm_topk_prob"], false);
  EXPECT_EQ(config(of("minimax-m2").key("minimax-m2.expert_weights_scale", 2.f))["routed_scaling_factor"], 2);
}

TEST_F(FamilyKeysTest, AnAbsentKeyDoesNotMeanWhatItMeansInAConfig) {
  Json j = config(of("deepseek2"));
  for (const char* key : {"n_shared_experts", "first_k_dense_replace", "q_lora_rank"})
    EXPECT_EQ(j[key], 0) << key;
  for (const char* key : {"n_group", "topk_group", "routed_scaling_factor"}) EXPECT_EQ(j[key], 1) << key;
  EXPECT_EQ(config(of("hy_v3"))["router_scaling_factor"], 1);
  EXPECT_EQ(config(of("ernie4_5-moe"))["moe_num_shared_experts"], 0);
  EXPECT_EQ(config(of("gpt-oss"))["rope_scaling"]["rope_type"], "default");
  j = config(of("gpt-oss").key("gpt-oss.rope.scaling.type", "yarn").key("gpt-oss.rope.scaling.factor", 8.f));
  EXPECT_EQ(j["rope_scaling"]["rope_type"], "yarn");
  EXPECT_EQ(j["rope_scaling"]["truncate"], false);
}

TEST_F(FamilyKeysTest, WidthsThatNoKeyHasAreThoseOfTheTensors) {
  const std::vector<Tensor> shared = {{"blk.3.ffn_gate_shexp.weight", {6, 4}},
                                      {"blk.3.ffn_up_shexp.weight", {6, 4}}};
  for (const std::string a : {"qwen3next", "qwen35moe"}) {
    EXPECT_EQ(config(of(a.c_str()), shared)["shared_expert_intermediate_size"], 6) << a;
    GgufBytes told = of(a.c_str()).key(a + ".expert_shared_feed_forward_length", 5u);
    EXPECT_EQ(config(told, shared)["shared_expert_intermediate_size"], 5) << a;
  }
  EXPECT_FALSE(config(of("qwen35")).contains("shared_expert_intermediate_size"));
  const auto experts = [&](const std::string& a, const char* key) {
    return config(of(a.c_str()).key(a + ".expert_feed_forward_length", 3u), shared)[key];
  };
  EXPECT_EQ(experts("deepseek2", "n_shared_experts"), 2);
  EXPECT_EQ(experts("hy_v3", "num_shared_experts"), 2);
  EXPECT_EQ(experts("ernie4_5-moe", "moe_num_shared_experts"), 2);
  EXPECT_EQ(config(of("qwen3moe"), {{"blk.5.ffn_gate_exps.weight", {2, 6, 4}}})["moe_intermediate_size"], 6);
}

TEST_F(FamilyKeysTest, TheBiasOfAChoiceHasTwoNames) {
  for (const char* name : {"blk.1.exp_probs_b", "blk.1.exp_probs_b.bias"}) {
    config(of("hy_v3"), {{name}});
    EXPECT_EQ(names_.at(0), "model.layers.1.mlp.expert_bias");
  }
}

}  // namespace
}  // namespace autark
