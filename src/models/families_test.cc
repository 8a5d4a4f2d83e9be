// Goal: a checkpoint of a family that is wrong is named before anything runs, and the families ask for the tensors
// of their published checkpoints. Method: the tiny configuration of each family with one tensor absent or of another
// shape, or one key changed; published dimensions, for which tensors and parameters are counted by their makers or by
// hand.
#include <gtest/gtest.h>
#include <set>
#include "models/testing.h"

namespace autark {
namespace {

Json sizes(int64_t layers, int64_t dim, int64_t heads, int64_t kv, int64_t head_dim, int64_t ffn,
           int64_t vocab, const Json& more) {
  Json j = {{"num_hidden_layers", layers}, {"hidden_size", dim},   {"num_attention_heads", heads},
            {"num_key_value_heads", kv},   {"head_dim", head_dim}, {"intermediate_size", ffn},
            {"vocab_size", vocab},         {"rope_theta", 1e4}};
  j.update(more);
  return j;
}

// --- published sizes ----------------------------------------------------------

// Counts requested tensors under the names of published files. A tensor that is read in parts counts once, and so
// do experts that are stored fused.
class Published final : public Weights {
 public:
  Published(std::set<std::string> absent, bool fused) : absent_(std::move(absent)), fused_(fused) {}
  int64_t parameters = 0;
  int64_t tensors() const { return std::ssize(names_); }

 private:
  std::optional<Entry> open(const std::string& name, const Shape& shape) override {
    for (const auto& a : absent_)
      if (name.ends_with(a)) return {};
    if (seen_.insert(name).second) parameters += shape.numel();
    names_.insert(fused_ ? fused_name(name) : name);
    return Entry{Format::bf16, shape, {}};
  }
  static std::string fused_name(const std::string& name) {
    const size_t at = name.find(".experts.");
    if (at == name.npos) return name;
    const bool down = name.find("down_proj") != name.npos;
    return name.substr(0, at) + (down ? ".down" : ".gate_up") + name.substr(name.rfind('.'));
  }
  std::set<std::string> absent_, names_, seen_;
  const bool fused_;
};

struct Card {
  const char* name;
  const char* architecture;
  Json config;
  std::set<std::string> absent;
  int64_t tensors, parameters;
  bool fused = false;
};
std::ostream& operator<<(std::ostream& to, const Card& c) {
  return to << c.name;
}

Json latent(int64_t experts, int64_t chosen, int64_t width, int64_t shared, int64_t dense, Json q_rank) {
  return {{"q_lora_rank", std::move(q_rank)},
          {"kv_lora_rank", 512},
          {"qk_nope_head_dim", 128},
          {"qk_rope_head_dim", 64},
          {"v_head_dim", 128},
          {"n_routed_experts", experts},
          {"num_experts_per_tok", chosen},
          {"moe_intermediate_size", width},
          {"n_shared_experts", shared},
          {"first_k_dense_replace", dense}};
}
Json ernie(int64_t chosen, int64_t width, int64_t shared, int64_t start, bool tied) {
  return {{"moe_num_experts", 64},
          {"moe_k", chosen},
          {"moe_intermediate_size", width},
          {"moe_num_shared_experts", shared},
          {"moe_layer_start_index", start},
          {"tie_word_embeddings", tied},
          {"use_bias", false}};
}
Json hybrid(int64_t experts, int64_t chosen, int64_t width, int64_t values) {
  Json j{{"linear_num_key_heads", 16},
         {"linear_num_value_heads", values},
         {"linear_key_head_dim", 128},
         {"linear_value_head_dim", 128},
         {"tie_word_embeddings", false}};
  if (experts)
    j.update({{"num_experts", experts},
              {"num_experts_per_tok", chosen},
              {"moe_intermediate_size", width},
              {"shared_expert_intermediate_size", width}});
  return j;
}
Json glm(int64_t experts, int64_t width, int64_t dense, bool norm) {
  return {{"attention_bias", true},         {"use_qk_norm", norm},
          {"n_routed_experts", experts},    {"num_experts_per_tok", 8},
          {"moe_intermediate_size", width}, {"n_shared_experts", 1},
          {"first_k_dense_replace", dense}};
}
Json gpt_oss(int64_t experts) {
  return {{"num_local_experts", experts}, {"num_experts_per_tok", 4}};
}

const std::set<std::string> kNone = {};
const std::set<std::string> kTied = {"lm_head.weight", ".bias"};
const std::set<std::string> kSplit = {"in_proj_qkvz.weight", "in_proj_ba.weight"};

const Card kCards[] = {
    {"deepseek_v3", "deepseek_v3",
     sizes(61, 7168, 128, 128, 64, 18432, 129280, latent(256, 8, 2048, 1, 3, 1536)), kNone, 45'395,
     671'026'419'200},
    {"moonlight_16b", "deepseek_v3",
     sizes(27, 2048, 16, 16, 64, 11264, 163840, latent(64, 6, 1408, 2, 1, nullptr)), kNone, 5'317,
     15'960'110'208},
    {"kimi_k2", "kimi_k2", sizes(61, 7168, 64, 64, 64, 18432, 163840, latent(384, 8, 2048, 1, 1, 1536)),
     kNone, 69'975, 1'026'408'232'448},
    {"ernie_0_3b", "ernie4_5",
     sizes(18, 1024, 16, 2, 128, 3072, 103424, {{"tie_word_embeddings", true}, {"use_bias", false}}), kTied,
     164, 360'748'032},
    {"ernie_21b",
     "ernie4_5_moe",
     sizes(28, 2560, 20, 4, 128, 12288, 103424, ernie(6, 1536, 2, 1, true)),
     {"lm_head.weight"},
     5'492,
     21'825'437'888},
    {"ernie_300b", "ernie4_5_moe", sizes(54, 8192, 64, 8, 128, 28672, 103424, ernie(8, 3584, 0, 3, false)),
     kNone, 10'230, 299'484'163'264},
    {"hunyuan_7b", "hunyuan_v1_dense",
     sizes(32, 4096, 32, 8, 128, 14336, 128167, {{"tie_word_embeddings", true}}), kTied, 354, 7'504'568'320},
    {"hunyuan_a13b", "hunyuan_v1_moe",
     sizes(32, 4096, 32, 8, 128, 3072, 128167,
           {{"tie_word_embeddings", true},
            {"num_experts", 64},
            {"moe_topk", 8},
            {"moe_intermediate_size", 3072}}),
     kTied, 6'530, 80'393'183'232},
    {"hy3", "hy_v3",
     sizes(80, 4096, 64, 8, 128, 13312, 120832,
           {{"num_experts", 192}, {"num_experts_per_tok", 8}, {"moe_intermediate_size", 1536}}),
     kNone, 46'545, 295'033'543'488},
    {"qwen3_next_80b", "qwen3_next", sizes(48, 2048, 16, 2, 256, 5120, 151936, hybrid(512, 10, 512, 32)),
     kNone, 74'391, 79'674'391'296},
    {"qwen3_5_27b", "qwen3_5", sizes(64, 5120, 24, 4, 256, 17408, 248320, hybrid(0, 0, 0, 48)), kSplit, 851,
     26'895'998'464},
    {"qwen3_5_35b", "qwen3_5_moe", sizes(40, 2048, 16, 2, 256, 512, 248320, hybrid(256, 8, 512, 32)), kSplit,
     31'333, 34'660'610'688},
    {"gpt_oss_20b", "gpt_oss", sizes(24, 2880, 64, 8, 64, 2880, 201088, gpt_oss(32)), kNone, 411,
     20'914'757'184, true},
    {"gpt_oss_120b", "gpt_oss", sizes(36, 2880, 64, 8, 64, 2880, 201088, gpt_oss(128)), kNone, 615,
     116'829'156'672, true},
    {"glm_4_5", "glm4_moe", sizes(92, 5120, 96, 8, 128, 12288, 151552, glm(160, 1536, 3, true)), kNone,
     44'189, 352'797'829'024},
    {"glm_4_5_air", "glm4_moe", sizes(46, 4096, 96, 8, 128, 10944, 151552, glm(128, 1408, 1, false)), kNone,
     17'925, 106'852'251'264},
    {"minimax_m2", "minimax_m2",
     sizes(62, 3072, 48, 8, 128, 1536, 200064, {{"num_local_experts", 256}, {"num_experts_per_tok", 8}}),
     kNone, 48'239, 228'689'764'864},
};

class FamilySizesTest : public ::testing::TestWithParam<Card> {};

TEST_P(FamilySizesTest, TensorsAndParameters) {
  const Card& card = GetParam();
  Published weights(card.absent, card.fused);
  const auto made = architectures().at(card.architecture).make(card.config, weights);
  ASSERT_TRUE(made) << made.error().message;
  EXPECT_EQ(weights.parameters, card.parameters);
  EXPECT_EQ(weights.tensors(), card.tensors);
}

INSTANTIATE_TEST_SUITE_P(Cards, FamilySizesTest, ::testing::ValuesIn(kCards),
                         [](const auto& info) { return std::string(info.param.name); });

// --- faults --------------------------------------------------------------------

struct Fault {
  const char* architecture;
  const char* tensor;  // that is absent, or null
  Json keys;           // that are changed
  const char* named;   // in the message
};

const Json kExperts = {{"n_routed_experts", 8},
                       {"num_experts_per_tok", 2},
                       {"moe_intermediate_size", 24},
                       {"n_shared_experts", 1},
                       {"first_k_dense_replace", 1}};

Json tiny(const std::string& architecture) {
  Json j = sizes(4, 48, 4, 2, 16, 40, 96, Json::object());
  if (architecture == "deepseek_v3" || architecture == "glm4_moe") j.update(kExperts);
  if (architecture == "deepseek_v3")
    j.update({{"q_lora_rank", 20},
              {"kv_lora_rank", 12},
              {"qk_nope_head_dim", 10},
              {"qk_rope_head_dim", 6},
              {"v_head_dim", 8},
              {"n_group", 4},
              {"topk_group", 2}});
  if (architecture == "glm4_moe") j.update({{"attention_bias", true}, {"use_qk_norm", true}});
  if (architecture == "ernie4_5_moe") j.update(ernie(2, 24, 2, 1, false));
  if (architecture == "minimax_m2")
    j.update({{"num_local_experts", 8}, {"num_experts_per_tok", 2}, {"rotary_dim", 8}});
  if (architecture == "gpt_oss") j.update({{"num_local_experts", 8}, {"num_experts_per_tok", 2}});
  if (architecture == "hy_v3" || architecture.starts_with("hunyuan"))
    j.update(
        {{"num_experts", 8}, {"num_experts_per_tok", 2}, {"moe_topk", 2}, {"moe_intermediate_size", 24}});
  if (architecture.starts_with("qwen3_"))
    j.update({{"linear_num_key_heads", 2},
              {"linear_num_value_heads", 4},
              {"linear_key_head_dim", 8},
              {"linear_value_head_dim", 6},
              {"num_experts", 8},
              {"num_experts_per_tok", 2},
              {"moe_intermediate_size", 24},
              {"shared_expert_intermediate_size", 24}});
  return j;
}

const Json kSame = Json::object();
const Fault kFaults[] = {
    {"deepseek_v3", "model.layers.1.mlp.gate.e_score_correction_bias", kSame, "e_score_correction_bias"},
    {"deepseek_v3", "model.layers.2.mlp.experts.7.down_proj.weight", kSame, "experts.7.down_proj"},
    {"deepseek_v3", "model.layers.3.self_attn.kv_b_proj.weight", kSame, "kv_b_proj"},
    {"deepseek_v3", "model.layers.3.self_attn.q_a_layernorm.weight", kSame, "q_a_layernorm"},
    {"deepseek_v3", nullptr, {{"n_group", 3}}, "8 experts in 3 groups"},
    {"deepseek_v3", nullptr, {{"topk_group", 1}, {"num_experts_per_tok", 3}}, "do not fit"},
    {"deepseek_v3", nullptr, {{"scoring_func", "softmax"}}, "scoring_func"},
    {"deepseek_v3", nullptr, {{"topk_method", "greedy"}}, "topk_method"},
    {"deepseek_v3", nullptr, {{"qk_rope_head_dim", 7}}, "head_dim 7"},
    {"kimi_k2", nullptr, {{"kv_lora_rank", nullptr}}, "kv_lora_rank"},
    {"glm4_moe", "model.layers.0.self_attn.k_proj.bias", kSame, "k_proj.bias"},
    {"glm4_moe", "model.layers.3.self_attn.q_norm.weight", kSame, "q_norm"},
    {"glm4_moe", "model.layers.1.mlp.shared_experts.up_proj.weight", kSame, "shared_experts.up_proj"},
    {"glm4_moe", nullptr, {{"partial_rotary_factor", 0.3}}, "partial_rotary_factor"},
    {"ernie4_5_moe", "model.layers.1.mlp.moe_statics.e_score_correction_bias", kSame, "moe_statics"},
    {"ernie4_5_moe", nullptr, {{"moe_k", 65}}, "65 of 64 experts"},
    {"minimax_m2", "model.layers.2.block_sparse_moe.experts.3.w3.weight", kSame, "experts.3.w3"},
    {"minimax_m2", "model.layers.2.block_sparse_moe.e_score_correction_bias", kSame,
     "e_score_correction_bias"},
    {"minimax_m2", "model.layers.2.self_attn.k_norm.weight", kSame, "k_norm"},
    {"hunyuan_v1_moe", "model.layers.0.mlp.gate.wg.weight", kSame, "gate.wg"},
    {"hunyuan_v1_moe", "model.layers.0.mlp.shared_mlp.down_proj.weight", kSame, "shared_mlp.down_proj"},
    {"hunyuan_v1_moe", nullptr, {{"moe_topk", {2, 2, 3, 2}}}, "moe_topk differs"},
    {"hunyuan_v1_dense", "model.layers.1.self_attn.query_layernorm.weight", kSame, "query_layernorm"},
    {"hunyuan_v1_dense", nullptr, {{"rope_scaling", {{"type", "dynamic"}, {"alpha", 0.0}}}}, "alpha"},
    {"hy_v3", "model.layers.1.mlp.expert_bias", kSame, "expert_bias"},
    {"hy_v3", "model.layers.1.mlp.router.gate.weight", kSame, "router.gate"},
    {"gpt_oss", "model.layers.0.self_attn.sinks", kSame, "sinks"},
    {"gpt_oss", "model.layers.0.self_attn.o_proj.bias", kSame, "o_proj.bias"},
    {"gpt_oss", "model.layers.0.mlp.router.bias", kSame, "router.bias"},
    {"gpt_oss", "model.layers.3.mlp.experts.down_proj.bias", kSame, "experts.down_proj.bias"},
    {"gpt_oss", "model.layers.3.mlp.experts.5.up_proj.weight", kSame, "experts.5.up_proj"},
    {"qwen3_next", "model.layers.0.linear_attn.A_log", kSame, "A_log"},
    {"qwen3_next", "model.layers.0.linear_attn.conv1d.weight", kSame, "conv1d"},
    {"qwen3_next", "model.layers.0.mlp.shared_expert_gate.weight", kSame, "shared_expert_gate"},
    {"qwen3_next", nullptr, {{"linear_num_key_heads", 3}}, "4 value heads cannot share 3 key heads"},
    {"qwen3_5", nullptr, {{"layer_types", {"full_attention"}}}, "layer_types has 1 entries"},
};

// Has every tensor but one.
class AllBut final : public Weights {
 public:
  explicit AllBut(const char* absent) : absent_(absent ? absent : "") {}

 private:
  std::optional<Entry> open(const std::string& name, const Shape& shape) override {
    if (name == absent_) return {};
    return Entry{Format::bf16, shape, {}};
  }
  const std::string absent_;
};

TEST(FamilyFaultsTest, EachIsNamed) {
  for (const Fault& f : kFaults) {
    const std::string base = f.architecture == std::string("kimi_k2") ? "deepseek_v3" : f.architecture;
    Json config = tiny(base);
    AllBut whole(nullptr);
    const auto right = architectures().at(f.architecture).make(config, whole);
    ASSERT_TRUE(right) << f.architecture << ": " << right.error().message;
    config.update(f.keys);
    AllBut weights(f.tensor);
    const auto made = architectures().at(f.architecture).make(config, weights);
    ASSERT_FALSE(made) << f.architecture << " " << f.named;
    EXPECT_NE(made.error().message.find(f.named), std::string::npos) << made.error().message;
  }
}

}  // namespace
}  // namespace autark
