// Goal: a config means what the published configurations mean, in older and newer spellings. Method: pairs of
// configs that must be equivalent, keys whose effect is computed by hand, configs that must be refused;
// models of tiny random weights for keys that decide which tensors count.
#include "models/attention_config.h"
#include <gtest/gtest.h>
#include <cmath>
#include <set>
#include "chips/ref/ref_chip.h"
#include "models/architecture.h"
#include "models/testing.h"

namespace autark {
namespace {

Rope rope_of(const Json& j) {
  const ConfigFile f(j);
  Rope r = read_rope(f, 16);
  EXPECT_FALSE(f.fault()) << f.fault()->message;
  return r;
}

std::string refusal(const Json& j) {
  const ConfigFile f(j);
  read_rope(f, 16);
  return f.fault() ? f.fault()->message : "";
}

TEST(AttentionConfigTest, OldAndNewWordsForARope) {
  const Json yarn = {{"factor", 4.0}, {"original_max_position_embeddings", 64}};
  Json typed = yarn, rope_typed = yarn, newest = yarn;
  typed["type"] = rope_typed["rope_type"] = newest["rope_type"] = "yarn";
  newest["rope_theta"] = 5e5;
  const Rope want = rope_of({{"rope_theta", 5e5}, {"rope_scaling", rope_typed}});
  for (const Json& same :
       {Json{{"rope_theta", 5e5}, {"rope_scaling", typed}}, Json{{"rope_parameters", newest}},
        Json{{"rope_theta", 5e5}, {"rope_parameters", rope_typed}},
        // the older key decides if both are there
        Json{{"rope_theta", 5e5},
             {"rope_scaling", rope_typed},
             {"rope_parameters", {{"rope_type", "linear"}, {"factor", 2.0}}}}}) {
    EXPECT_EQ(rope_of(same).frequency, want.frequency) << same;
    EXPECT_EQ(rope_of(same).amplitude, want.amplitude) << same;
  }
  EXPECT_NE(want.frequency, rope_of({{"rope_theta", 5e5}}).frequency);
}

TEST(AttentionConfigTest, TheOriginalLengthIsTheContextUnlessSaid) {
  for (const char* kind : {"yarn", "llama3"}) {
    Json scaling = {{"rope_type", kind}, {"factor", 4.0}};
    const Rope unsaid = rope_of({{"max_position_embeddings", 256}, {"rope_scaling", scaling}});
    scaling["original_max_position_embeddings"] = 256;
    EXPECT_EQ(rope_of({{"rope_scaling", scaling}}).frequency, unsaid.frequency) << kind;
  }
}

TEST(AttentionConfigTest, YarnFine) {
  Json j = {
      {"rope_scaling", {{"rope_type", "yarn"}, {"factor", 8.0}, {"original_max_position_embeddings", 64}}}};
  const Rope plain = rope_of(j);
  EXPECT_FLOAT_EQ(plain.amplitude, 0.1 * std::log(8.0) + 1);
  j["rope_scaling"]["truncate"] = false;
  EXPECT_NE(rope_of(j).frequency, plain.frequency);
  j["rope_scaling"]["mscale"] = 0.5;
  EXPECT_FLOAT_EQ(rope_of(j).amplitude, plain.amplitude);  // one of the two alone has no effect
  j["rope_scaling"]["mscale_all_dim"] = 2.0;
  EXPECT_FLOAT_EQ(rope_of(j).amplitude, (0.05 * std::log(8.0) + 1) / (0.2 * std::log(8.0) + 1));
  j["rope_scaling"]["attention_factor"] = 3.0;
  EXPECT_FLOAT_EQ(rope_of(j).amplitude, 3.0);
}

TEST(AttentionConfigTest, YarnStretchesTheContext) {
  const auto context = [](const Json& j) { return read_context(ConfigFile(j), 2048); };
  EXPECT_EQ(context(Json::object()), 2048);
  Json j = {{"max_position_embeddings", 40}, {"rope_scaling", {{"rope_type", "yarn"}, {"factor", 4.0}}}};
  EXPECT_EQ(context(j), 160);
  j["rope_scaling"]["original_max_position_embeddings"] = 32;
  EXPECT_EQ(context(j), 128);
  j["max_position_embeddings"] = 128;
  EXPECT_EQ(context(j), 128);
  j["rope_scaling"]["rope_type"] = "linear";
  EXPECT_EQ(context(j), 128);
}

TEST(AttentionConfigTest, WhatIsNotSupportedIsSaid) {
  EXPECT_NE(refusal({{"partial_rotary_factor", 0.5}}).find("partial_rotary_factor"), std::string::npos);
  EXPECT_NE(refusal({{"rope_parameters", {{"rope_type", "default"}, {"partial_rotary_factor", 0.25}}}})
                .find("partial_rotary_factor"),
            std::string::npos);
  EXPECT_NE(refusal({{"rope_scaling", {{"type", "dynamic"}, {"factor", 2.0}}}}).find("dynamic"),
            std::string::npos);
  EXPECT_NE(refusal({{"rope_theta", -1}}).find("rope_theta"), std::string::npos);
}

TEST(AttentionConfigTest, DynamicStretchesTheBaseInOneFamilyOnly) {
  const Rope plain = rope_of(Json::object());
  const auto rope = [](const Json& scaling, bool refused = false) {
    const Json j = {{"rope_scaling", scaling}};
    const ConfigFile f(j);
    const Rope r = read_rope(f, 16, {.stretches = true});
    EXPECT_EQ(f.fault().has_value(), refused);
    return r;
  };
  EXPECT_EQ(rope({{"type", "dynamic"}, {"factor", 2.0}}).frequency, plain.frequency);
  EXPECT_EQ(rope({{"type", "dynamic"}, {"alpha", 0}}).frequency, plain.frequency);
  EXPECT_EQ(rope({{"type", "dynamic"}, {"alpha", 1000}, {"factor", 2.0}}).frequency,
            rope_of({{"rope_theta", 1e4 * std::pow(1000.0, 16.0 / 14)}}).frequency);
  rope({{"type", "dynamic"}, {"alpha", -1}}, true);
  EXPECT_NE(refusal({{"rope_scaling", {{"type", "dynamic"}, {"alpha", 1000.0}}}}).find("dynamic"),
            std::string::npos);
}

TEST(AttentionConfigTest, AHeadTooWideIsRefusedBeforeItIsBuilt) {
  const Json empty = Json::object();
  const ConfigFile f(empty);
  EXPECT_EQ(read_rope(f, int64_t{1} << 40).dims(), 0);
  check_heads(f, 1, 1, int64_t{1} << 40);
  EXPECT_TRUE(f.fault());
}

TEST(AttentionConfigTest, Windows) {
  const auto windows = [](const Json& j) { return read_windows(ConfigFile(j), 4); };
  Json j = {{"sliding_window", 7}, {"max_window_layers", 2}};
  EXPECT_EQ(windows(j), (std::vector{0, 0, 0, 0}));
  j["use_sliding_window"] = true;
  EXPECT_EQ(windows(j), (std::vector{0, 0, 7, 7}));
  j["layer_types"] = {"sliding_attention", "full_attention", "full_attention", "sliding_attention"};
  EXPECT_EQ(windows(j), (std::vector{7, 0, 0, 7}));
  j["use_sliding_window"] = false;
  EXPECT_EQ(windows(j), (std::vector{0, 0, 0, 0}));
  for (const Json& bad : {Json{"full_attention"}, Json{"a", "a", "a", "chunked_attention"}}) {
    j["layer_types"] = bad;
    const ConfigFile f(j);
    read_windows(f, 4);
    EXPECT_TRUE(f.fault()) << bad;
  }
}

// --- models

const Json kTiny = {{"num_hidden_layers", 2},
                    {"hidden_size", 32},
                    {"num_attention_heads", 2},
                    {"num_key_value_heads", 1},
                    {"head_dim", 16},
                    {"intermediate_size", 40},
                    {"moe_intermediate_size", 24},
                    {"num_experts", 4},
                    {"num_experts_per_tok", 2},
                    {"vocab_size", 64}};

class Lacking final : public FormulaWeights {
 public:
  explicit Lacking(std::set<std::string> endings)
      : FormulaWeights(random_tensor), endings_(std::move(endings)) {}

 private:
  std::optional<Entry> open(const std::string& name, const Shape& shape) override {
    for (const auto& e : endings_)
      if (name.ends_with(e)) return {};
    return FormulaWeights::open(name, shape);
  }
  std::set<std::string> endings_;
};

// The logits of a prompt, or the error.
Result<TinyEngine::Matrix> logits(const std::string& architecture, const Json& more,
                                  std::set<std::string> absent = {"rope_freqs.weight"}) {
  Json config = kTiny;
  config.update(more);
  Lacking weights(std::move(absent));
  AUTARK_TRY(const auto model, architectures().at(architecture).make(config, weights));
  const auto chip = make_ref_chip();
  TinyEngine engine(*model, *chip);
  return engine.feed(std::vector<int32_t>{5, 9, 33, 2, 60, 7, 7, 41});
}

const char* const kBiased[] = {"llama", "qwen3", "qwen3_moe", "gemma3"};

TEST(AttentionConfigTest, BiasesCountAsTheConfigSays) {
  for (const std::string a : kBiased) {
    const auto stored = logits(a, Json::object()), used = logits(a, {{"attention_bias", true}}),
               unused = logits(a, {{"attention_bias", false}}),
               none = logits(a, Json::object(), {"_proj.bias", "rope_freqs.weight"});
    ASSERT_TRUE(stored && used && unused && none) << a;
    EXPECT_EQ(*stored, *used) << a;
    EXPECT_NE(*unused, *used) << a;
    EXPECT_EQ(*unused == *none, a != "llama") << a;  // llama's feed-forward has a key of its own
    for (const std::string lost : {"q_proj.bias", "k_proj.bias", "v_proj.bias", "o_proj.bias"}) {
      const auto made = logits(a, {{"attention_bias", true}}, {lost});
      ASSERT_FALSE(made) << a << lost;
      EXPECT_NE(made.error().message.find(lost), std::string::npos) << made.error().message;
    }
  }
  EXPECT_NE(*logits("llama", {{"mlp_bias", true}}), *logits("llama", {{"mlp_bias", false}}));
  EXPECT_FALSE(logits("llama", {{"mlp_bias", true}}, {"up_proj.bias"}));
}

TEST(AttentionConfigTest, ATiedHeadThatTheFileHasDiffersForAReason) {
  for (const std::string a : {"llama", "qwen2", "qwen3", "qwen3_moe", "gemma3"}) {
    const auto own = logits(a, {{"tie_word_embeddings", false}}),
               both = logits(a, {{"tie_word_embeddings", true}}),
               shared = logits(a, {{"tie_word_embeddings", true}}, {"lm_head.weight", "rope_freqs.weight"});
    ASSERT_TRUE(own && both && shared) << a;
    EXPECT_EQ(*own, *both) << a;
    EXPECT_NE(*own, *shared) << a;
  }
}

TEST(AttentionConfigTest, WindowsReachTheLayers) {
  for (const std::string a : {"qwen2", "qwen3"}) {
    const Json window = {{"use_sliding_window", true}, {"sliding_window", 3}, {"max_window_layers", 1}};
    Json listed = window;
    listed["max_window_layers"] = 0;
    listed["layer_types"] = {"full_attention", "sliding_attention"};
    EXPECT_EQ(*logits(a, window), *logits(a, listed)) << a;
    EXPECT_NE(*logits(a, window), *logits(a, Json::object())) << a;
  }
  const Json window = {{"use_sliding_window", true}, {"sliding_window", 3}};
  EXPECT_NE(*logits("qwen3_moe", window), *logits("qwen3_moe", Json::object()));
}

TEST(AttentionConfigTest, ExpertsByTheirNewerName) {
  Json newer = {{"num_local_experts", 4}, {"num_experts", nullptr}};
  EXPECT_EQ(*logits("qwen3_moe", newer), *logits("qwen3_moe", Json::object()));
}

TEST(AttentionConfigTest, Gemma3RopesInOldAndNewWords) {
  const Json older = {{"rope_theta", 2e6},
                      {"rope_local_base_freq", 3e3},
                      {"sliding_window_pattern", 2},
                      {"rope_scaling", {{"rope_type", "linear"}, {"factor", 8.0}}}};
  Json newer = {{"layer_types", {"sliding_attention", "full_attention"}}};
  newer["rope_parameters"] = {
      {"full_attention", {{"rope_type", "linear"}, {"factor", 8.0}, {"rope_theta", 2e6}}},
      {"sliding_attention", {{"rope_type", "default"}, {"rope_theta", 3e3}}}};
  EXPECT_EQ(*logits("gemma3", older), *logits("gemma3", newer));
  // both bases have defaults of their own
  const Json pattern = {{"sliding_window_pattern", 2}};
  Json spelled = pattern;
  spelled.update({{"rope_theta", 1e6}, {"rope_local_base_freq", 1e4}});
  EXPECT_EQ(*logits("gemma3", pattern), *logits("gemma3", spelled));
}

TEST(AttentionConfigTest, AnotherActivationIsRefused) {
  for (const std::string a : {"llama", "qwen2", "qwen3", "qwen3_moe"}) {
    EXPECT_TRUE(logits(a, {{"hidden_act", "silu"}})) << a;
    EXPECT_FALSE(logits(a, {{"hidden_act", "gelu"}})) << a;
  }
  EXPECT_FALSE(logits("gemma3", {{"hidden_activation", "gelu"}}));
  EXPECT_FALSE(logits("gemma3", {{"use_bidirectional_attention", true}}));
}

}  // namespace
}  // namespace autark
