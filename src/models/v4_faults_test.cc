// Goal: a DeepSeek-V4 checkpoint that does not match its config is refused by one sentence that names the
// tensor or key and the expected value; nothing aborts, whatever the config claims. Method: a small
// checkpoint of zeros, made from the list of tensors, loads; then its files are damaged in one way at a time.
// GGUF files and configs likewise, by their keys.
#include <gtest/gtest.h>
#include <map>
#include "base/gguf_testing.h"
#include "base/memory_file.h"
#include "models/architecture.h"
#include "models/v4_release.h"
#include "models/v4_tensors.h"
#include "models/v4_testing.h"
#include "weights/checkpoint.h"
#include "weights/testing.h"

namespace autark {
namespace {

struct File {
  std::string dtype;
  std::vector<int64_t> shape;
  std::string bytes;
};
using Files = std::map<std::string, File>;

// Ratios 0, 4 and 128; one layer routes by token.
Json small_config() {
  Json j = v4_flash_config();
  j.update({{"num_hidden_layers", 3},
            {"compress_ratios", {0, 4, 128, 0}},
            {"hidden_size", 128},
            {"num_attention_heads", 2},
            {"head_dim", 128},
            {"q_lora_rank", 128},
            {"o_lora_rank", 64},
            {"o_groups", 2},
            {"index_n_heads", 2},
            {"index_topk", 8},
            {"n_routed_experts", 4},
            {"num_experts_per_tok", 2},
            {"num_hash_layers", 1},
            {"moe_intermediate_size", 128},
            {"vocab_size", 16}});
  return j;
}

File zeros(const std::string& dtype, std::vector<int64_t> shape) {
  const V4Tensor t{"", dtype.c_str(), shape};
  return {dtype, std::move(shape), std::string(t.bytes(), '\0')};
}

Files files_of(const Json& json) {
  const ConfigFile f(json);
  const V4Config c(f);
  Files files;
  for (const auto& t : v4_tensors(c, read_v4_contents(f, c))) files[t.name] = zeros(t.dtype, t.shape);
  return files;
}

void write(const TestDirectory& dir, const Json& config, const Files& files) {
  SafetensorsBytes b;
  for (const auto& [name, f] : files) b.tensor(name, f.dtype, f.shape, f.bytes);
  dir.write("model.safetensors", b.bytes());
  dir.write("config.json", dump_json(config));
}

// The error of `run` and `inspect`; empty if there is none.
std::string fault_of(Result<Checkpoint> c) {
  if (!c) return c.error().message;
  if (const auto e = fault_of_v4(*c)) return e->message;
  const auto m = architectures().at("deepseek_v4").make(c->config, *c->weights);
  return m ? "" : m.error().message;
}
std::string fault_of(const Json& config, const Files& files) {
  const TestDirectory dir;
  write(dir, config, files);
  return fault_of(open_checkpoint(dir.path()));
}

struct Spoilt {
  const char* what;
  void (*spoil)(Json& config, Files& files);
  const char* expected;  // part of the message
};
std::ostream& operator<<(std::ostream& to, const Spoilt& s) {
  return to << s.what;
}

const std::string kExpert = "layers.1.ffn.experts.2.w1";

const Spoilt kSpoilt[] = {
    {"missing_expert", [](Json&, Files& f) { f.erase(kExpert + ".weight"); },
     "layers.1.ffn.experts.2.w1.weight is not in the checkpoint, config says [128, 128]"},
    {"missing_first_expert", [](Json&, Files& f) { f.erase("layers.2.ffn.experts.0.w2.weight"); },
     "layers.2.ffn.experts.0.w2.weight is not in the checkpoint, config says [128, 128]"},
    {"missing_scales", [](Json&, Files& f) { f.erase(kExpert + ".scale"); },
     "layers.1.ffn.experts.2.w1.weight has no scales, layers.1.ffn.experts.2.w1.scale as F8_E8M0 [128, 4] is "
     "expected"},
    {"scales_of_another_shape",
     [](Json&, Files& f) {
       f["layers.0.attn.wq_a.scale"] = zeros("F8_E8M0", {4, 4});
     },
     "layers.0.attn.wq_a.weight has scales F8_E8M0 [4, 4], layers.0.attn.wq_a.scale as F8_E8M0 [1, 1] is "
     "expected"},
    {"scales_of_another_type",
     [](Json&, Files& f) {
       f["layers.0.attn.wkv.scale"] = zeros("F32", {1, 1});
     },
     "layers.0.attn.wkv.weight has scales F32 [1, 1], layers.0.attn.wkv.scale as F8_E8M0 [1, 1] is expected"},
    {"scales_of_experts_in_tiles",
     [](Json&, Files& f) {
       f[kExpert + ".scale"] = zeros("F8_E8M0", {1, 1});
     },
     "layers.1.ffn.experts.2.w1.weight has scales F8_E8M0 [1, 1]"},
    {"matrix_of_another_shape",
     [](Json&, Files& f) {
       f["layers.2.attn.compressor.wkv.weight"] = zeros("BF16", {256, 128});
     },
     "layers.2.attn.compressor.wkv.weight is [256, 128], config says [128, 128]"},
    {"codes_for_a_vector",
     [](Json&, Files& f) {
       f["norm.weight"] = zeros("F8_E4M3", {1, 128});
       f["norm.scale"] = zeros("F8_E8M0", {1, 1});
     },
     "norm.weight is FP8_E4M3, a vector cannot be"},
    {"numbers_for_a_matrix",
     [](Json&, Files& f) {
       f["layers.1.ffn.gate.weight"] = zeros("I64", {4, 128});
     },
     "layers.1.ffn.gate.weight is I32, fractions are expected"},
    {"table_missing", [](Json&, Files& f) { f.erase("layers.0.ffn.gate.tid2eid"); },
     "layers.0.ffn.gate.tid2eid is not in the checkpoint, config says [16, 2]"},
    {"table_of_fractions",
     [](Json&, Files& f) {
       f["layers.0.ffn.gate.tid2eid"] = zeros("F32", {16, 2});
     },
     "layers.0.ffn.gate.tid2eid is F32, whole numbers are expected"},
    {"table_with_an_expert_too_many",
     [](Json&, Files& f) { f["layers.0.ffn.gate.tid2eid"].bytes[8 * 7] = 4; },
     "layers.0.ffn.gate.tid2eid has 4 in row 3, a number from 0 to 3 is expected"},
    {"table_with_a_negative_expert",
     [](Json&, Files& f) { f["layers.0.ffn.gate.tid2eid"].bytes.replace(8 * 31, 8, 8, '\xff'); },
     "layers.0.ffn.gate.tid2eid has -1 in row 15, a number from 0 to 3 is expected"},
    {"experts_half_fp8",
     [](Json&, Files& f) {
       for (const char* e : {"layers.1.ffn.experts.2.", "layers.1.ffn.experts.3."})
         for (const char* m : {"w1", "w2", "w3"}) {
           f[std::string(e) + m + ".weight"] = zeros("F8_E4M3", {128, 128});
           f[std::string(e) + m + ".scale"] = zeros("F8_E8M0", {1, 1});
         }
     },
     "layers.1.ffn.experts.2.w1.weight is F8_E4M3, layers.0.ffn.experts.0.w1.weight is I8 and experts are "
     "all "
     "alike"},
    {"experts_of_a_base_model", [](Json& c, Files&) { c["expert_dtype"] = "fp8"; },
     "layers.0.ffn.experts.0.w1.weight is I8, config.json's expert_dtype says F8_E4M3"},
    {"preview_with_dspark", [](Json& c, Files& f) { f = files_of(v4_with_dspark(c, 32)); },
     "mtp.0.main_norm.weight is of DSpark stages (0731, 0813), config.json says an MTP block (preview)"},
    {"dspark_with_a_preview", [](Json& c, Files&) { c = v4_with_dspark(c, 32); },
     "mtp.0.e_proj.scale is of an MTP block (preview), config.json says DSpark stages (0731, 0813)"},
    {"compressor_without_a_ratio",
     [](Json& c, Files&) {
       c["compress_ratios"] = {0, 4, 0, 0};
     },
     "layers.2.attn.compressor.ape is there, config.json has compress_ratios 0 for layer 2"},
    {"indexer_at_another_ratio",
     [](Json& c, Files&) {
       c["compress_ratios"] = {0, 128, 128, 0};
     },
     "layers.1.attn.indexer.compressor.ape is there, config.json has compress_ratios 128 for layer 1"},
    {"ratio_without_a_compressor",
     [](Json& c, Files&) {
       c["compress_ratios"] = {4, 4, 128, 0};
     },
     "layers.0.attn.compressor.wkv.weight is not in the checkpoint, config says [256, 128]"},
    {"ratio_of_another_window",
     [](Json& c, Files&) {
       c["compress_ratios"] = {0, 4, 64, 0};
     },
     "layers.2.attn.compressor.ape is [128, 128], config says [64, 128]"},
    {"fewer_hash_layers", [](Json& c, Files&) { c["num_hash_layers"] = 0; },
     "layers.0.ffn.gate.tid2eid is there, config.json has num_hash_layers 0"},
    {"more_hash_layers", [](Json& c, Files&) { c["num_hash_layers"] = 2; },
     "layers.1.ffn.gate.tid2eid is not in the checkpoint"},
    {"fewer_layers", [](Json& c, Files&) { c["num_hidden_layers"] = 2; },
     "layers.2.attn.attn_sink is there, config.json has num_hidden_layers 2"},
    {"more_layers", [](Json& c, Files&) { c["num_hidden_layers"] = 4; },
     "layers.3.hc_attn_fn is not in the checkpoint, config says [24, 512]"},
    {"another_model_size", [](Json& c, Files&) { c["hidden_size"] = 256; },
     "embed.weight is [16, 128], config says [16, 256]"},
    {"short_ratios",
     [](Json& c, Files&) {
       c["compress_ratios"] = {0, 4};
     },
     "compress_ratios has 2 entries for 3 layers"},
    {"no_ratios", [](Json& c, Files&) { c.erase("compress_ratios"); },
     "compress_ratios has 0 entries for 3 layers"},
    {"ratios_that_are_none",
     [](Json& c, Files&) {
       c["compress_ratios"] = {0, "4", 128};
     },
     "compress_ratios has an entry that is not a whole number"},
    {"negative_ratio",
     [](Json& c, Files&) {
       c["compress_ratios"] = {0, -4, 128};
     },
     "compress_ratios: -4 is not from 0 to 4096"},
    {"huge_ratio",
     [](Json& c, Files&) {
       c["compress_ratios"] = {0, 4, int64_t{1} << 62};
     },
     "compress_ratios: 4611686018427387904 is not from 0 to 4096"},
    {"ratios_without_a_common_page",
     [](Json& c, Files&) {
       c["compress_ratios"] = {4095, 4093, 4091};
     },
     "compress_ratios have no common multiple up to 4096"},
    {"another_router", [](Json& c, Files&) { c["scoring_func"] = "sigmoid"; },
     "scoring_func is sigmoid, sqrtsoftplus is expected"},
    {"a_ramp_from_nowhere", [](Json& c, Files&) { c["rope_scaling"]["beta_fast"] = 0; },
     "compress_rope_theta and rope_scaling must be positive"},
    {"negative_epsilon", [](Json& c, Files&) { c["hc_eps"] = -1e-6; },
     "rms_norm_eps and hc_eps must not be negative"},
    {"two_shared_experts", [](Json& c, Files&) { c["n_shared_experts"] = 2; }, "n_shared_experts 2 is not 1"},
    {"more_choices_than_experts", [](Json& c, Files&) { c["num_experts_per_tok"] = 5; },
     "num_experts_per_tok is larger than n_routed_experts"},
};

std::string name_of_case(const ::testing::TestParamInfo<Spoilt>& info) {
  return info.param.what;
}

class V4SpoiltTest : public ::testing::TestWithParam<Spoilt> {};

TEST_P(V4SpoiltTest, IsRefusedByName) {
  Json config = small_config();
  Files files = files_of(config);
  GetParam().spoil(config, files);
  const std::string fault = fault_of(config, files);
  EXPECT_NE(fault.find(GetParam().expected), std::string::npos) << "the message is: " << fault;
  EXPECT_EQ(fault.find('\n'), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Files, V4SpoiltTest, ::testing::ValuesIn(kSpoilt), name_of_case);

TEST(V4FaultsTest, WholeCheckpointsLoad) {
  for (Json config : {small_config(), v4_with_dspark(small_config(), 32)})
    for (const char* experts : {"fp4", "fp8"}) {
      config["expert_dtype"] = experts;
      EXPECT_EQ(fault_of(config, files_of(config)), "");
    }
  Json two = small_config();
  two["num_nextn_predict_layers"] = 2;
  EXPECT_TRUE(files_of(two).contains("mtp.1.e_proj.weight"));
  EXPECT_EQ(fault_of(two, files_of(two)), "");
  EXPECT_NE(fault_of(small_config(), files_of(two)), "");  // a block that the config does not name
  Files trunk = files_of(small_config());
  std::erase_if(trunk, [](const auto& f) { return f.first.starts_with("mtp."); });
  EXPECT_EQ(fault_of(small_config(), trunk), "");
}

TEST(V4FaultsTest, PublishedReleasesAreNamed) {
  Json base = v4_flash_config();
  base["expert_dtype"] = "fp8";
  const std::pair<Json, const char*> kReleases[] = {
      {v4_flash_config(), "DeepSeek-V4-Flash (preview)"},
      {v4_pro_config(), "DeepSeek-V4-Pro (preview)"},
      {v4_with_dspark(v4_flash_config(), 256), "DeepSeek-V4-Flash-0731"},
      {v4_with_dspark(v4_pro_config(), 512), "DeepSeek-V4-Pro-0813"},
      {base, "DeepSeek-V4-Flash-Base"}};
  for (const auto& [config, release] : kReleases) {
    const ConfigFile f(config);
    const V4Config sizes(f);
    Checkpoint c{.kind = "safetensors", .architecture = "deepseek_v4", .config = config};
    for (auto& t : v4_tensors(sizes, read_v4_contents(f, sizes)))
      c.tensors.push_back({t.name, t.dtype, t.shape, t.bytes()});
    const auto l = list_v4(c);
    ASSERT_TRUE(l);
    EXPECT_EQ(l->release, release);
    EXPECT_TRUE(l->published && l->differences.empty());
    EXPECT_FALSE(fault_of_v4(c));
  }
}

TEST(V4FaultsTest, ListingNamesEveryDifference) {
  const auto listing = [](const Json& config, const Files& files) {
    const TestDirectory dir;
    write(dir, config, files);
    return *list_v4(*open_checkpoint(dir.path()));
  };
  Json config = small_config();
  Files files = files_of(config);
  const ReleaseListing whole = listing(config, files);
  EXPECT_TRUE(whole.differences.empty());
  EXPECT_EQ(whole.tensors, std::ssize(files));
  EXPECT_EQ(whole.release, "a DeepSeek-V4 of no published size (preview)");
  EXPECT_EQ(whole.draft, "mtp");

  files.erase("layers.2.attn.wkv.scale");
  files["head.weight"] = zeros("F32", {16, 128});
  files["layers.1.attn.bias"] = zeros("BF16", {2});
  const auto spoilt = listing(config, files).differences;
  ASSERT_EQ(spoilt.size(), 3u);
  EXPECT_EQ(spoilt[0].name + ": " + spoilt[0].is + " / " + spoilt[0].expected,
            "head.weight: F32 [16, 128] / BF16 [16, 128]");
  EXPECT_EQ(spoilt[1].name + ": " + spoilt[1].is + " / " + spoilt[1].expected,
            "layers.2.attn.wkv.scale:  / F8_E8M0 [1, 1]");
  EXPECT_EQ(spoilt[2].name + ": " + spoilt[2].is + " / " + spoilt[2].expected,
            "layers.1.attn.bias: BF16 [2] / ");

  config["expert_dtype"] = "fp8";
  files = files_of(config);
  std::erase_if(files, [](const auto& f) { return f.first.starts_with("mtp."); });
  const ReleaseListing base = listing(config, files);
  EXPECT_TRUE(base.differences.empty());
  EXPECT_EQ(base.release, "a DeepSeek-V4 of no published size (Base, trunk only)");
  config.erase("expert_dtype");
  EXPECT_TRUE(listing(config, files).differences.empty());
  config = v4_with_dspark(small_config(), 32);
  EXPECT_EQ(listing(config, files_of(config)).draft, "dspark");
}

// Each shard is a valid file, but their names are exchanged.
TEST(V4FaultsTest, SwappedShardsAreNamed) {
  const TestDirectory dir;
  SafetensorsBytes shards[2];
  Json map = Json::object();
  for (const auto& [name, f] : files_of(small_config())) {
    const int shard = name.starts_with("layers.2");
    shards[shard].tensor(name, f.dtype, f.shape, f.bytes);
    map[name] = shard ? "b.safetensors" : "a.safetensors";
  }
  dir.write("config.json", dump_json(small_config()));
  dir.write("model.safetensors.index.json", dump_json({{"weight_map", map}}));
  dir.write("a.safetensors", shards[0].bytes());
  dir.write("b.safetensors", shards[1].bytes());
  EXPECT_EQ(fault_of(open_checkpoint(dir.path())), "");
  dir.write("a.safetensors", shards[1].bytes());
  dir.write("b.safetensors", shards[0].bytes());
  const std::string fault = fault_of(open_checkpoint(dir.path()));
  EXPECT_NE(fault.find("is in a.safetensors, but it is in b.safetensors"), std::string::npos) << fault;
}

TEST(V4FaultsTest, HostileSizesAreRefused) {
  const Files files = files_of(small_config());
  const TestDirectory dir;
  write(dir, small_config(), files);
  const std::vector<Json> values{0,     -1,  1,   3,      1 << 30,         int64_t{1} << 62,
                                 1e300, 0.5, "4", Json(), Json::array({4})};
  const Json usual = small_config();
  for (const auto& [key, was] : usual.items()) {
    if (key == "model_type") continue;
    for (const Json& v : values) {
      Json config = small_config();
      config[key] = v;
      dir.write("config.json", dump_json(config));
      SCOPED_TRACE(key + " " + dump_json(v));
      auto c = open_checkpoint(dir.path());
      ASSERT_TRUE(c) << c.error().message;
      list_v4(*c);
      EXPECT_LT(fault_of(std::move(c)).size(), 2000u);
    }
  }
  Json all = small_config();
  for (const char* key : {"num_attention_heads", "o_groups", "o_lora_rank", "q_lora_rank", "hidden_size",
                          "n_routed_experts", "moe_intermediate_size", "vocab_size", "index_n_heads"})
    all[key] = 1 << 30;
  all.update({{"num_hidden_layers", 4096}, {"compress_ratios", std::vector<int>(4096, 4)}});
  dir.write("config.json", dump_json(all));
  auto c = open_checkpoint(dir.path());
  EXPECT_FALSE(list_v4(*c));  // such a long list is not built
  EXPECT_NE(fault_of(std::move(c)), "");
}

struct Keys {
  const char* what;
  void (*add)(GgufBytes& b);
  const char* absent;  // the usual key that is absent
  const char* expected;
};
std::ostream& operator<<(std::ostream& to, const Keys& k) {
  return to << k.what;
}
constexpr const char* kRatios = "attention.compress_ratios";

const Keys kKeys[] = {
    {"no_ratios", [](GgufBytes&) {}, kRatios, "compress_ratios has 0 entries for 3 layers"},
    {"short_ratios",
     [](GgufBytes& b) {
       b.array<int32_t>("deepseek4.attention.compress_ratios", Gguf::Type::i32, {0, 4});
     },
     kRatios, "compress_ratios has 2 entries for 3 layers"},
    {"one_ratio", [](GgufBytes& b) { b.key("deepseek4.attention.compress_ratios", 4u); }, kRatios,
     "compress_ratios has 0 entries for 3 layers"},
    {"negative_ratio",
     [](GgufBytes& b) {
       b.array<int32_t>("deepseek4.attention.compress_ratios", Gguf::Type::i32, {0, -7, 4});
     },
     kRatios, "compress_ratios: -1 is not from 0 to 4096"},
    {"another_gate", [](GgufBytes& b) { b.key("deepseek4.expert_gating_func", 2u); }, "expert_gating_func",
     "scoring_func is expert_gating_func 2, sqrtsoftplus is expected"},
    {"expert_groups", [](GgufBytes& b) { b.key("deepseek4.expert_group_count", 8u); }, "",
     "topk_method is expert_group_count 8, noaux_tc is expected"},
    {"weights_without_a_norm", [](GgufBytes& b) { b.key("deepseek4.expert_weights_norm", false); },
     "expert_weights_norm", "norm_topk_prob is false"},
    {"clamps_that_differ",
     [](GgufBytes& b) {
       b.array<float>("deepseek4.swiglu_clamp_exp", Gguf::Type::f32, {10, 7, 10});
     },
     "swiglu_clamp_exp", "swiglu_limit is \"10.0 and 7.0\", a number is expected"},
    {"no_clamp", [](GgufBytes&) {}, "swiglu_clamp_exp", "swiglu_limit is missing"},
    {"no_streams", [](GgufBytes&) {}, "hyper_connection.count", "hc_mult is missing"},
    {"no_far_base", [](GgufBytes&) {}, "attention.compress_rope_freq_base", "compress_rope_theta is missing"},
    {"no_scaling", [](GgufBytes&) {}, "rope.scaling.factor", "rope_scaling.factor is missing"},
    {"another_rotary_width", [](GgufBytes& b) { b.key("deepseek4.rope.dimension_count", 32u); },
     "rope.dimension_count", "qk_rope_head_dim is not 64"},
    {"no_indexer", [](GgufBytes&) {}, "attention.indexer.head_count", "index_n_heads is missing"},
    {"negative_blocks",
     [](GgufBytes& b) { b.key("deepseek4.block_count", Gguf::Type::i32, GgufBytes::raw(-3)); }, "block_count",
     "num_hidden_layers is -3, a whole number from 1 to 4096 is expected"},
    {"another_width", [](GgufBytes&) {}, "", "embed.weight is [16, 64], config says [16, 128]"},
};

// All keys of a deepseek4 file but one.
GgufBytes gguf_without(std::string_view absent) {
  GgufBytes b;
  b.key("general.architecture", "deepseek4");
  const auto add = [&](std::string key, auto v) {
    if (key != absent) b.key("deepseek4." + key, v);
  };
  const std::vector<std::pair<const char*, uint32_t>> whole{{"block_count", 3},
                                                            {"context_length", 1 << 20},
                                                            {"embedding_length", 128},
                                                            {"attention.head_count", 2},
                                                            {"attention.key_length", 128},
                                                            {"attention.q_lora_rank", 128},
                                                            {"attention.output_lora_rank", 64},
                                                            {"attention.output_group_count", 2},
                                                            {"attention.sliding_window", 128},
                                                            {"attention.indexer.head_count", 2},
                                                            {"attention.indexer.key_length", 128},
                                                            {"attention.indexer.top_k", 8},
                                                            {"rope.dimension_count", 64},
                                                            {"expert_count", 4},
                                                            {"expert_used_count", 2},
                                                            {"expert_shared_count", 1},
                                                            {"expert_feed_forward_length", 128},
                                                            {"expert_gating_func", 4},
                                                            {"hash_layer_count", 1},
                                                            {"hyper_connection.count", 4},
                                                            {"hyper_connection.sinkhorn_iterations", 20},
                                                            {"rope.scaling.original_context_length", 65536}};
  for (const auto& [key, v] : whole) add(key, v);
  const std::vector<std::pair<const char*, float>> real{{"attention.layer_norm_rms_epsilon", 1e-6f},
                                                        {"attention.compress_rope_freq_base", 160000},
                                                        {"rope.freq_base", 10000},
                                                        {"rope.scaling.factor", 16},
                                                        {"hyper_connection.epsilon", 1e-6f},
                                                        {"expert_weights_scale", 1.5f},
                                                        {"swiglu_clamp_exp", 10}};
  for (const auto& [key, v] : real) add(key, v);
  add("expert_weights_norm", true);
  add("rope.scaling.type", "yarn");
  if (absent != kRatios)
    b.array<int32_t>("deepseek4.attention.compress_ratios", Gguf::Type::i32, {0, 4, 128});
  return b;
}

class V4KeysTest : public ::testing::TestWithParam<Keys> {};

TEST_P(V4KeysTest, AreRefusedByName) {
  GgufBytes b = gguf_without(GetParam().absent);
  GetParam().add(b);
  b.tensor("token_embd.weight", 0, {16, 64}, std::string(16 * 64 * 4, '\0'));
  const MemoryFile file(b.bytes());
  const std::string fault = fault_of(open_checkpoint(file.path()));
  EXPECT_NE(fault.find(GetParam().expected), std::string::npos) << "the message is: " << fault;
}

INSTANTIATE_TEST_SUITE_P(Gguf, V4KeysTest, ::testing::ValuesIn(kKeys),
                         [](const auto& info) { return std::string(info.param.what); });

}  // namespace
}  // namespace autark
