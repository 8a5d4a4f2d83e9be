// Goal: a file is refused, by the name of a tensor, if it has tensors of the model that the model does not read;
// what belongs to something else, or changes no result, stops nothing. Method: files that have exactly what a tiny
// model of each family asks for, and one more tensor, one layer more, or a config that makes one superfluous.
#include <gtest/gtest.h>
#include "base/gguf_testing.h"
#include "models/architecture.h"
#include "models/families_testing.h"
#include "weights/checkpoint.h"
#include "weights/testing.h"

namespace autark {
namespace {

using Files = std::map<std::string, Shape>;

// Why the checkpoint does not become a model; empty if it does.
std::string fault(const std::filesystem::path& path) {
  const auto c = open_checkpoint(path);
  if (!c) return c.error().message;
  const auto model = bind(*c);
  return model ? "" : model.error().message;
}

std::string fault(const std::string& architecture, Json config, const Files& files) {
  const TestDirectory dir;
  SafetensorsBytes b;
  for (const auto& [name, shape] : files)
    b.tensor(name, "BF16", {shape.d.begin(), shape.d.begin() + shape.rank},
             std::string(2 * shape.numel(), 0));
  config["model_type"] = architecture;
  dir.write("config.json", dump_json(config));
  dir.write("model.safetensors", b.bytes());
  return fault(dir.path());
}

Files files_of(const std::string& architecture) {
  AllBut weights("");
  EXPECT_EQ(fault_of(architecture.c_str(), tiny(architecture), weights), "");
  return std::move(weights.asked);
}

class UnreadTensorsTest : public ::testing::TestWithParam<const char*> {};

TEST_P(UnreadTensorsTest, OneOfTheModelIsNamed) {
  const Json config = tiny(GetParam());
  const Files files = files_of(GetParam());
  ASSERT_EQ(fault(GetParam(), config, files), "");
  for (const char* more :
       {"model.layers.1.self_attn.other_norm.weight", "model.layers.3.mlp.router.other.bias",
        "model.layers.2.eh_proj.weight", "lm_head.bias"}) {
    Files all = files;
    all[more] = {48};
    EXPECT_NE(fault(GetParam(), config, all).find(std::string(more) + " is there, a model of this config"),
              std::string::npos)
        << more;
  }
}

TEST_P(UnreadTensorsTest, ALayerBehindTheLastIsNamedUnlessItIsADraft) {
  Json fewer = tiny(GetParam());
  Files files = files_of(GetParam());
  fewer["num_hidden_layers"] = 3;
  const std::string said = fault(GetParam(), fewer, files);
  EXPECT_NE(said.find("model.layers.3."), std::string::npos) << said;
  EXPECT_NE(said.find("config says that there are 3 layers; and "), std::string::npos) << said;
  files["model.layers.3.eh_proj.weight"] = {48, 96};
  EXPECT_EQ(fault(GetParam(), fewer, files), "");
}

TEST_P(UnreadTensorsTest, OthersStopNothing) {
  Files files = files_of(GetParam());
  for (const char* more :
       {"model.layers.0.self_attn.rotary_emb.inv_freq", "model.layers.0.self_attn.k_proj.k_scale",
        "model.layers.1.mlp.down_proj.input_scale", "model.layers.4.eh_proj.weight",
        "model.layers.4.enorm.weight", "model.layers.4.self_attn.q_proj.weight",
        "mtp.layers.0.mlp.up_proj.weight", "mtp.fc.weight", "model.mtp_block.0.norm.weight",
        "model.visual.blocks.0.norm.weight", "vision_tower.patch.weight"})
    files[more] = {48};
  EXPECT_EQ(fault(GetParam(), tiny(GetParam()), files), "");
}

INSTANTIATE_TEST_SUITE_P(Families, UnreadTensorsTest, ::testing::ValuesIn(kFamilies),
                         [](const auto& info) { return std::string(info.param); });

// Keys that make a tensor of the files superfluous.
TEST(UnreadTensors, AConfigThatAnnouncesTooLittle) {
  struct {
    const char* architecture;
    Json keys;
    const char* named;
  } const rows[] = {
      {"glm4_moe", {{"use_qk_norm", nullptr}}, "model.layers.0.self_attn.k_norm.weight"},
      {"glm4_moe", {{"attention_bias", false}}, "model.layers.0.self_attn.k_proj.bias"},
      {"glm4_moe", {{"n_shared_experts", 0}}, "model.layers.1.mlp.shared_experts.down_proj.weight"},
      {"deepseek_v3", {{"n_shared_experts", nullptr}}, "model.layers.1.mlp.shared_experts.down_proj.weight"},
      {"ernie4_5", {{"use_bias", false}}, "model.layers.0.mlp.down_proj.bias"},
      {"ernie4_5_moe", {{"moe_num_shared_experts", 0}}, "model.layers.1.mlp.shared_experts.down_proj.weight"},
      {"hunyuan_v1_dense", {{"mlp_bias", false}}, "model.layers.0.mlp.down_proj.bias"},
      {"hunyuan_v1_moe",
       {{"num_shared_expert", {1, 1, 0, 1}}},
       "model.layers.2.mlp.shared_mlp.down_proj.weight"},
      {"gpt_oss", {{"attention_bias", false}}, "model.layers.0.self_attn.k_proj.bias"},
  };
  for (const auto& r : rows) {
    Json config = tiny(r.architecture);
    config.update(r.keys);
    const std::string said = fault(r.architecture, config, files_of(r.architecture));
    EXPECT_NE(said.find(std::string(r.named) + " is there"), std::string::npos)
        << r.architecture << ": " << said;
  }
}

TEST(UnreadTensors, ScalesAndFusedExpertsThatAreReadAreNotNamed) {
  Files files = files_of("qwen3_5_moe");
  const std::string at = "model.layers.1.mlp.experts.";
  std::erase_if(files, [&](const auto& f) { return f.first.starts_with(at); });
  files[at + "gate_up_proj"] = {8, 48, 48};
  files[at + "down_proj"] = {8, 48, 24};
  EXPECT_EQ(fault("qwen3_5_moe", tiny("qwen3_5_moe"), files), "");
  files[at + "up_proj"] = {8, 24, 48};
  EXPECT_NE(fault("qwen3_5_moe", tiny("qwen3_5_moe"), files).find(at + "up_proj is there"),
            std::string::npos);
}

// A llama of one layer, and one more tensor.
std::string fault_of_gguf(const char* name) {
  GgufBytes b;
  b.key("general.architecture", "llama").key("llama.block_count", 1u).key("llama.embedding_length", 32u);
  b.key("llama.feed_forward_length", 40u).key("llama.attention.head_count", 4u);
  b.key("llama.attention.head_count_kv", 2u).key("llama.attention.layer_norm_rms_epsilon", 1e-5f);
  const auto add = [&](const char* tensor, std::vector<int64_t> shape) {
    int64_t bytes = 4;
    for (const int64_t d : shape) bytes *= d;
    b.tensor(tensor, 0, std::move(shape), std::string(bytes, 0));
  };
  add("token_embd.weight", {8, 32}), add("output_norm.weight", {32});
  add("blk.0.attn_norm.weight", {32}), add("blk.0.ffn_norm.weight", {32});
  add("blk.0.attn_q.weight", {32, 32}), add("blk.0.attn_output.weight", {32, 32});
  add("blk.0.attn_k.weight", {16, 32}), add("blk.0.attn_v.weight", {16, 32});
  add("blk.0.ffn_gate.weight", {40, 32}), add("blk.0.ffn_up.weight", {40, 32});
  add("blk.0.ffn_down.weight", {32, 40}), add(name, {4});
  const TestDirectory dir;
  b.write(dir / "m.gguf");
  return fault(dir / "m.gguf");
}

TEST(UnreadTensors, OfGgufFiles) {
  for (const char* name :
       {"rope_freqs.weight", "blk.0.attn_rot_embd.weight", "blk.1.nextn.eh_proj.weight", "v.0.x"})
    EXPECT_EQ(fault_of_gguf(name), "") << name;
  const auto named = [](const char* name, const std::string& as) {
    const std::string said = fault_of_gguf(name);
    EXPECT_NE(said.find(as + " is there"), std::string::npos) << said;
  };
  named("blk.0.attn_q_norm.weight", "model.layers.0.self_attn.q_norm.weight");
  named("blk.0.attn_q.scale", "model.layers.0.self_attn.q_proj.scale");
  named("blk.0.unheard_of.weight", "blk.0.unheard_of.weight");
  named("blk.1.attn_norm.weight", "model.layers.1.input_layernorm.weight");
}

}  // namespace
}  // namespace autark
