// Goal: a checkpoint of a family that is wrong is named before anything runs, and the families ask for the tensors
// of their published checkpoints. Method: the tiny configuration of each family with each of its tensors absent or of
// another shape, or one key changed; published dimensions, for which tensors, parameters and bytes are counted by
// their makers or by hand.
#include <gtest/gtest.h>
#include <algorithm>
#include <map>
#include <tuple>
#include "models/architecture.h"
#include "models/families_testing.h"
#include "models/planned_checkpoint.h"

namespace autark {
namespace {

// --- published sizes ----------------------------------------------------------

struct Card {
  const char* name;
  const char* architecture;
  Json config;
  int64_t tensors, parameters;
  double active;  // billions, to three digits
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

const Card kCards[] = {
    {"deepseek_v3", "deepseek_v3",
     sizes(61, 7168, 128, 128, 64, 18432, 129280, latent(256, 8, 2048, 1, 3, 1536)), 45'395, 671'026'419'200,
     36.6},
    {"moonlight_16b", "deepseek_v3",
     sizes(27, 2048, 16, 16, 64, 11264, 163840, latent(64, 6, 1408, 2, 1, nullptr)), 5'317, 15'960'110'208,
     2.6},
    {"kimi_k2", "kimi_k2", sizes(61, 7168, 64, 64, 64, 18432, 163840, latent(384, 8, 2048, 1, 1, 1536)),
     69'975, 1'026'408'232'448, 31.7},
    {"ernie_0_3b", "ernie4_5",
     sizes(18, 1024, 16, 2, 128, 3072, 103424, {{"tie_word_embeddings", true}, {"use_bias", false}}), 164,
     360'748'032, 0.36},
    {"ernie_21b", "ernie4_5_moe", sizes(28, 2560, 20, 4, 128, 12288, 103424, ernie(6, 1536, 2, 1, true)),
     5'492, 21'825'437'888, 3.35},
    {"ernie_300b", "ernie4_5_moe", sizes(54, 8192, 64, 8, 128, 28672, 103424, ernie(8, 3584, 0, 3, false)),
     10'230, 299'484'163'264, 47.1},
    {"hunyuan_7b", "hunyuan_v1_dense",
     sizes(32, 4096, 32, 8, 128, 14336, 128167, {{"tie_word_embeddings", true}}), 354, 7'504'568'320, 7.5},
    {"hunyuan_a13b", "hunyuan_v1_moe",
     sizes(32, 4096, 32, 8, 128, 3072, 128167,
           {{"tie_word_embeddings", true},
            {"num_experts", 64},
            {"moe_topk", 8},
            {"moe_intermediate_size", 3072}}),
     6'530, 80'393'183'232, 12.8},
    {"hy3", "hy_v3",
     sizes(80, 4096, 64, 8, 128, 13312, 120832,
           {{"num_experts", 192}, {"num_experts_per_tok", 8}, {"moe_intermediate_size", 1536}}),
     46'545, 295'033'543'488, 20.2},
    {"qwen3_next_80b", "qwen3_next", sizes(48, 2048, 16, 2, 256, 5120, 151936, hybrid(512, 10, 512, 32)),
     74'391, 79'674'391'296, 3.6},
    {"qwen3_5_27b", "qwen3_5", sizes(64, 5120, 24, 4, 256, 17408, 248320, hybrid(0, 0, 0, 48)), 851,
     26'895'998'464, 25.6},
    {"qwen3_5_35b", "qwen3_5_moe", sizes(40, 2048, 16, 2, 256, 512, 248320, hybrid(256, 8, 512, 32)), 31'333,
     34'660'610'688, 3.0},
    {"gpt_oss_20b", "gpt_oss", sizes(24, 2880, 64, 8, 64, 2880, 201088, gpt_oss(32)), 411, 20'914'757'184,
     3.6},
    {"gpt_oss_120b", "gpt_oss", sizes(36, 2880, 64, 8, 64, 2880, 201088, gpt_oss(128)), 615, 116'829'156'672,
     5.1},
    {"glm_4_5", "glm4_moe", sizes(92, 5120, 96, 8, 128, 12288, 151552, glm(160, 1536, 3, true)), 44'189,
     352'797'829'024, 32.9},
    {"glm_4_5_air", "glm4_moe", sizes(46, 4096, 96, 8, 128, 10944, 151552, glm(128, 1408, 1, false)), 17'925,
     106'852'251'264, 12.8},
    {"minimax_m2", "minimax_m2",
     sizes(62, 3072, 48, 8, 128, 1536, 200064, {{"num_local_experts", 256}, {"num_experts_per_tok", 8}}),
     48'239, 228'689'764'864, 10.4},
};

class FamilySizesTest : public ::testing::TestWithParam<Card> {};

Checkpoint config_of(const Card& card, const Json& more = Json::object()) {
  Checkpoint c;
  c.architecture = card.architecture;
  c.config = card.config;
  c.config.update(more);
  return c;
}
const Card& card_of(std::string_view name) {
  return *std::ranges::find(kCards, name, &Card::name);
}

TEST_P(FamilySizesTest, TensorsAndParameters) {
  const Card& card = GetParam();
  const auto planned = plan_checkpoint(config_of(card));
  ASSERT_TRUE(planned) << planned.error().message;
  EXPECT_EQ(planned->parameters, card.parameters);
  EXPECT_EQ(std::ssize(planned->tensors), card.tensors);
  const auto active = active_parameters(config_of(card));
  ASSERT_TRUE(active);
  EXPECT_NEAR(double(*active) / 1e9, card.active, 0.06);
}

INSTANTIATE_TEST_SUITE_P(Cards, FamilySizesTest, ::testing::ValuesIn(kCards),
                         [](const auto& info) { return std::string(info.param.name); });

// Bytes by how the files store them.
std::map<std::string, int64_t> bytes_of(const Card& card, const Json& more) {
  std::map<std::string, int64_t> all;
  const auto planned = plan_checkpoint(config_of(card, more));
  EXPECT_TRUE(planned);
  for (const auto& t : planned->tensors) all[t.stored] += t.bytes;
  return all;
}
const Json kFp8 = {{"quantization_config", {{"quant_method", "fp8"}, {"weight_block_size", {128, 128}}}}};

// Of a layer, kv_a_proj alone has rows that are no whole number of tiles: 4.5.
TEST(FamilyBytesTest, Fp8CodesAndTheirScales) {
  struct {
    const char* name;
    int64_t layers, dim, sparse, experts, vocab, query_rank;
  } const rows[] = {{"deepseek_v3", 61, 7168, 58, 256, 129280, 1536},
                    {"kimi_k2", 61, 7168, 60, 384, 163840, 1536}};
  for (const auto& r : rows) {
    const Card& card = card_of(r.name);
    const int64_t norms = r.dim + r.layers * (2 * r.dim + r.query_rank + 512);
    const int64_t plain = 2 * r.vocab * r.dim + norms + r.sparse * r.experts * r.dim;
    const int64_t codes = card.parameters - plain - r.sparse * r.experts;
    const int64_t scales = codes / (128 * 128) + r.layers * (r.dim / 128) / 2;
    EXPECT_EQ(bytes_of(card, kFp8),
              (std::map<std::string, int64_t>{
                  {"BF16", 2 * plain}, {"F8_E4M3", codes}, {"F32", 4 * (scales + r.sparse * r.experts)}}))
        << r.name;
  }
}
// What the loader refuses does not run by its config either.
TEST(FamilyBytesTest, OtherQuantisationsAreCountedWhereTheirSizeIsToldAndDoNotRun) {
  const Card& card = card_of("moonlight_16b");  // the smallest of its architecture
  const auto planned = [&](const Json& about) {
    return *plan_checkpoint(config_of(card, {{"quantization_config", about}}));
  };
  const auto fault = [](const Checkpoint& c) {
    const auto model = bind(c);
    return model ? std::string() : model.error().message;
  };
  const Checkpoint small = planned({{"quant_method", "fp8"}, {"weight_block_size", {64, 64}}});
  std::map<std::string, int64_t> bytes;
  for (const auto& t : small.tensors) bytes[t.stored] += t.bytes;
  const int64_t codes = bytes_of(card, kFp8).at("F8_E4M3"), biases = 4 * int64_t{26} * 64;
  EXPECT_EQ(bytes.at("F8_E4M3"), codes);
  EXPECT_EQ(bytes.at("F32"), codes / (64 * 64) * 4 + biases) << "all sides are whole blocks";
  EXPECT_NE(
      fault(small).find("kv_a_proj_with_mqa.weight is FP8 in blocks of 64 x 64, only 128 x 128 is supported"),
      std::string::npos)
      << fault(small);
  for (const auto& [method, said] : {std::pair{"fp8", "in FP8 without weight_block_size"},
                                     {"compressed-tensors", "by 'compressed-tensors'"},
                                     {"gptq", "by 'gptq'"}}) {
    const Checkpoint c = planned({{"quant_method", method}});
    EXPECT_EQ(c.bytes, 0) << method;
    EXPECT_TRUE(c.tensors.empty());
    EXPECT_EQ(c.parameters, card.parameters);
    EXPECT_NE(fault(c).find("kv_a_proj_with_mqa.weight is quantised " + std::string(said)), std::string::npos)
        << fault(c);
  }
  EXPECT_EQ(fault(planned(kFp8["quantization_config"])), "");
  EXPECT_EQ(fault(planned(Json::object())), "");
}
TEST(FamilyBytesTest, Mxfp4HasSeventeenBytesForThirtyTwoValues) {
  const Json mxfp4 = {{"quantization_config", {{"quant_method", "mxfp4"}}}};
  for (const auto& [name, layers, experts] : {std::tuple{"gpt_oss_20b", 24, 32}, {"gpt_oss_120b", 36, 128}}) {
    const int64_t codes = int64_t{layers} * experts * 3 * 2880 * 2880;
    EXPECT_EQ(bytes_of(card_of(name), mxfp4),
              (std::map<std::string, int64_t>{{"U8", codes / 32 * 17},
                                              {"BF16", 2 * (card_of(name).parameters - codes)}}))
        << name;
  }
}
// Nine bytes for sixteen values of routed experts, the rest as in BF16: 594 GB.
TEST(FamilyBytesTest, Int4ExpertsOfKimi) {
  const Card& card = card_of("kimi_k2");
  const Json weights = {
      {"num_bits", 4}, {"type", "int"}, {"symmetric", true}, {"strategy", "group"}, {"group_size", 32}};
  Json about = {
      {"quant_method", "compressed-tensors"},
      {"format", "pack-quantized"},
      {"config_groups", {{"group_0", {{"weights", weights}}}}},
      {"ignore",
       {"lm_head", "re:.*self_attn.*", "re:.*shared_experts.*", "re:.*mlp\\.(gate|up|gate_up|down)_proj.*"}}};
  const int64_t matrices = int64_t{60} * 384 * 3, codes = matrices * 2048 * 7168, biases = 60 * 384;
  const int64_t plain = card.parameters - codes - biases;
  EXPECT_EQ(bytes_of(card, {{"quantization_config", about}}),
            (std::map<std::string, int64_t>{
                {"I32", codes / 2 + matrices * 8}, {"BF16", codes / 16 + 2 * plain}, {"F32", 4 * biases}}));
  const Checkpoint planned = *plan_checkpoint(config_of(card, {{"quantization_config", about}}));
  EXPECT_EQ(planned.bytes / 1'000'000'000, 594);
  EXPECT_TRUE(bind(planned));
  about["ignore"] = {"lm_head"};  // which matrices are codes is not read from other patterns
  const Checkpoint unknown = *plan_checkpoint(config_of(card, {{"quantization_config", about}}));
  EXPECT_EQ(unknown.bytes, 0);
  const auto model = bind(unknown);
  ASSERT_FALSE(model);
  EXPECT_NE(model.error().message.find("which only the files tell"), std::string::npos)
      << model.error().message;
}
TEST(FamilyBytesTest, OtherFormatsAreCountedWithTheirBlocks) {
  const Card& card = card_of("glm_4_5");
  const auto q8 = plan_checkpoint(config_of(card), Format::q8_0);
  ASSERT_TRUE(q8);
  int64_t blocks = 0;
  for (const auto& t : q8->tensors)
    if (t.stored == "Q8_0") blocks += t.bytes;
  EXPECT_NEAR(double(blocks) / double(card.parameters), 34. / 32, 1e-4);
}
TEST(FamilyBytesTest, ModulesThatAreNotConvertedStayPlain) {
  Json some = kFp8;
  some["quantization_config"]["modules_to_not_convert"] = {"model.layers.0.mlp"};
  const auto all = bytes_of(card_of("deepseek_v3"), kFp8), fewer = bytes_of(card_of("deepseek_v3"), some);
  EXPECT_EQ(fewer.at("F8_E4M3"), all.at("F8_E4M3") - 3 * int64_t{7168} * 18432);
}
TEST(FamilyBytesTest, AFalseConfigIsRefusedSoon) {
  for (const char* key :
       {"n_routed_experts", "num_hidden_layers", "hidden_size", "moe_intermediate_size", "vocab_size"}) {
    const auto planned = plan_checkpoint(config_of(card_of("deepseek_v3"), {{key, 1 << 30}}));
    EXPECT_FALSE(planned) << key;
  }
}

// --- faults --------------------------------------------------------------------

struct Fault {
  const char* architecture;
  const char* tensor;  // that is absent, or null
  Json keys;           // that are changed
  const char* named;   // in the message
};

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
    {"kimi_k2", nullptr, {{"n_group", 5}}, "8 experts in 5 groups"},
    {"kimi_k2", nullptr, {{"topk_group", 5}}, "groups"},
    {"glm4_moe", "model.layers.0.self_attn.k_proj.bias", kSame, "k_proj.bias"},
    {"glm4_moe", "model.layers.3.self_attn.q_norm.weight", kSame, "q_norm"},
    {"glm4_moe", "model.layers.1.mlp.shared_experts.up_proj.weight", kSame, "shared_experts.up_proj"},
    {"glm4_moe", nullptr, {{"partial_rotary_factor", 0.3}}, "partial_rotary_factor"},
    {"glm4_moe", nullptr, {{"n_group", 3}}, "8 experts in 3 groups"},
    {"glm4_moe", nullptr, {{"num_key_value_heads", 3}}, "4 heads cannot share 3 key heads"},
    {"ernie4_5", nullptr, {{"num_key_value_heads", 3}}, "4 heads cannot share 3 key heads"},
    {"ernie4_5_moe", "model.layers.1.mlp.moe_statics.e_score_correction_bias", kSame, "moe_statics"},
    {"ernie4_5_moe", nullptr, {{"moe_k", 65}}, "65 of 64 experts"},
    {"minimax_m2", nullptr, {{"num_experts_per_tok", 9}}, "9 of 8 experts"},
    {"hy_v3", nullptr, {{"num_experts_per_tok", 9}}, "9 of 8 experts"},
    {"gpt_oss", nullptr, {{"num_experts_per_tok", 9}}, "9 of 8 experts"},
    {"qwen3_5_moe", nullptr, {{"num_experts_per_tok", 9}}, "9 of 8 experts"},
    {"qwen3_5_moe", nullptr, {{"linear_num_key_heads", 3}}, "4 value heads cannot share 3 key heads"},
    {"minimax_m2", "model.layers.2.block_sparse_moe.experts.3.w3.weight", kSame, "experts.3.w3"},
    {"minimax_m2", "model.layers.2.block_sparse_moe.e_score_correction_bias", kSame,
     "e_score_correction_bias"},
    {"minimax_m2", "model.layers.2.self_attn.k_norm.weight", kSame, "k_norm"},
    {"hunyuan_v1_moe", "model.layers.0.mlp.gate.wg.weight", kSame, "gate.wg"},
    {"hunyuan_v1_moe", "model.layers.0.mlp.shared_mlp.down_proj.weight", kSame, "shared_mlp.down_proj"},
    {"hunyuan_v1_moe", nullptr, {{"moe_topk", {2, 2, 2}}}, "moe_topk has 3 entries for 4 layers"},
    {"hunyuan_v1_moe", nullptr, {{"moe_topk", {2, 2, 9, 2}}}, "9 of 8 experts"},
    {"hunyuan_v1_moe", nullptr, {{"num_experts", {8, 8, 8, 8, 8}}}, "num_experts has 5 entries"},
    {"hunyuan_v1_dense", "model.layers.1.self_attn.query_layernorm.weight", kSame, "query_layernorm"},
    {"hunyuan_v1_dense", nullptr, {{"rope_scaling", {{"type", "dynamic"}, {"alpha", -1.0}}}}, "alpha"},
    {"hunyuan_v1_dense", "model.layers.2.mlp.down_proj.bias", kSame, "layers.2.mlp.down_proj.bias"},
    {"hunyuan_v1_moe", "model.layers.3.self_attn.o_proj.bias", kSame, "layers.3.self_attn.o_proj.bias"},
    {"ernie4_5", "model.layers.0.self_attn.k_proj.bias", kSame, "layers.0.self_attn.k_proj.bias"},
    {"ernie4_5_moe",
     "model.layers.1.mlp.shared_experts.up_proj.bias",
     {{"use_bias", true}},
     "layers.1.mlp.shared_experts.up_proj.bias"},
    {"minimax_m2", nullptr, {{"scoring_func", "expert_gating_func 1"}}, "scoring_func"},
    {"minimax_m2", nullptr, {{"norm_topk_prob", false}}, "norm_topk_prob"},
    {"hy_v3", nullptr, {{"scoring_func", "expert_gating_func 1"}}, "scoring_func"},
    {"hy_v3", nullptr, {{"mlp_layer_types", {"dense", "sparse", "moe", "sparse"}}}, "'moe'"},
    {"kimi_k2", nullptr, {{"v_head_dim", nullptr}}, "v_head_dim"},
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

TEST(FamilyFaultsTest, EachIsNamed) {
  for (const Fault& f : kFaults) {
    Json config = tiny(f.architecture);
    AllBut whole(""), weights(f.tensor ? f.tensor : "");
    ASSERT_EQ(fault_of(f.architecture, config, whole), "") << f.architecture;
    config.update(f.keys);
    const std::string fault = fault_of(f.architecture, config, weights);
    EXPECT_NE(fault.find(f.named), std::string::npos) << f.architecture << " " << f.named << ": " << fault;
  }
}

// What a file may lack: a head that is tied, projections that are stored in another way.
bool may_be_absent(const std::string& name) {
  for (const char* ending : {"lm_head.weight", "in_proj_qkvz.weight", "in_proj_ba.weight"})
    if (name.ends_with(ending)) return true;
  return false;
}

// Every tensor of a family absent, longer by a row, and with the shape of the next one, as if names were swapped.
class FamilyTensorsTest : public ::testing::TestWithParam<const char*> {};
TEST_P(FamilyTensorsTest, EachOneThatIsWrongIsNamed) {
  const Json config = tiny(GetParam());
  AllBut whole("");
  ASSERT_EQ(fault_of(GetParam(), config, whole), "");
  ASSERT_GT(whole.asked.size(), 20u);
  for (auto it = whole.asked.begin(); it != whole.asked.end(); ++it) {
    const auto& [name, shape] = *it;
    AllBut lacking(name);
    const std::string fault = fault_of(GetParam(), config, lacking);
    if (!fault.empty() || !may_be_absent(name)) {
      EXPECT_NE(fault.find(name + " is not in the checkpoint"), std::string::npos) << name << ": " << fault;
    }
    Shape longer = shape;
    ++longer.d[0];
    const auto next = std::next(it) == whole.asked.end() ? whole.asked.begin() : std::next(it);
    for (const Shape& wrong : {longer, next->second}) {
      if (wrong.numel() == shape.numel()) continue;  // may be the same but for ones
      AllBut other(name, wrong);
      const std::string said = fault_of(GetParam(), config, other);
      EXPECT_NE(said.find(name + " is ["), std::string::npos) << name << ": " << said;
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Families, FamilyTensorsTest, ::testing::ValuesIn(kFamilies),
                         [](const auto& info) { return std::string(info.param); });

}  // namespace
}  // namespace autark
