// Goal: every architecture asks for the tensors of its published checkpoints, and has their costs. Method:
// shapes only, at published sizes: parameter counts as on the model cards; FLOPs and state of one decoded
// token on the counting chip against sums computed by hand.
#include <gtest/gtest.h>
#include <set>
#include "chips/registry.h"
#include "models/architecture.h"
#include "models/testing.h"

namespace autark {
namespace {

// A checkpoint without bytes that counts the requested tensors.
class Shapes final : public Weights {
 public:
  explicit Shapes(std::set<std::string> absent) : absent_(std::move(absent)) {}
  int64_t parameters = 0;

 private:
  std::optional<Entry> open(const std::string& name, const Shape& shape) override {
    for (const auto& a : absent_)
      if (name.ends_with(a)) return {};
    parameters += shape.numel();
    return Entry{Format::bf16, shape, {}};
  }
  std::set<std::string> absent_;
};

struct Card {
  const char* name;
  const char* architecture;
  Json config;
  std::set<std::string> absent;  // tensors that this checkpoint lacks and others of its kind have
  int64_t parameters;
  double matrix_parameters;  // multiplied for one token
  int64_t kv_values;         // of all layers for one token
};
std::ostream& operator<<(std::ostream& to, const Card& c) {
  return to << c.name;
}

const std::set<std::string> kNoBias = {".bias", "rope_freqs.weight"};
const std::set<std::string> kTied = {".bias", "rope_freqs.weight", "lm_head.weight"};

const Card kCards[] = {
    {"smollm2_135m",
     "llama",
     {{"num_hidden_layers", 30},
      {"hidden_size", 576},
      {"num_attention_heads", 9},
      {"num_key_value_heads", 3},
      {"intermediate_size", 1536},
      {"vocab_size", 49152},
      {"tie_word_embeddings", true},
      {"rope_theta", 1e5}},
     kTied,
     134'515'008,
     134'515'008 - 61. * 576,
     30 * 2 * 3 * 64},
    {"llama_3_1_8b",
     "llama",
     {{"num_hidden_layers", 32},
      {"hidden_size", 4096},
      {"num_attention_heads", 32},
      {"num_key_value_heads", 8},
      {"intermediate_size", 14336},
      {"vocab_size", 128256},
      {"rope_theta", 5e5}},
     kNoBias,
     8'030'261'248,
     8'030'261'248 - 65. * 4096 - 128256. * 4096,
     32 * 2 * 8 * 128},
    {"qwen2_5_coder_0_5b",
     "qwen2",
     {{"num_hidden_layers", 24},
      {"hidden_size", 896},
      {"num_attention_heads", 14},
      {"num_key_value_heads", 2},
      {"intermediate_size", 4864},
      {"vocab_size", 151936},
      {"tie_word_embeddings", true},
      {"rope_theta", 1e6}},
     {"lm_head.weight"},
     494'032'768,
     494'032'768 - 49. * 896 - 24. * 1152,
     24 * 2 * 2 * 64},
    {"qwen3_30b_a3b",
     "qwen3_moe",
     {{"num_hidden_layers", 48},
      {"hidden_size", 2048},
      {"num_attention_heads", 32},
      {"num_key_value_heads", 4},
      {"head_dim", 128},
      {"num_experts", 128},
      {"num_experts_per_tok", 8},
      {"moe_intermediate_size", 768},
      {"intermediate_size", 6144},
      {"vocab_size", 151936},
      {"rope_theta", 1e6}},
     kNoBias,
     30'532'122'624,
     30'532'122'624 - 97. * 2048 - 48. * 256 - 151936. * 2048 - 48. * 120 * 3 * 768 * 2048,
     48 * 2 * 4 * 128},
    {"gemma_3_1b",
     "gemma3",
     {{"num_hidden_layers", 26},
      {"hidden_size", 1152},
      {"num_attention_heads", 4},
      {"num_key_value_heads", 1},
      {"head_dim", 256},
      {"intermediate_size", 6912},
      {"vocab_size", 262144},
      {"rope_theta", 1e6},
      {"sliding_window", 512}},
     kTied,
     999'885'952,
     999'885'952 - 26. * (4 * 1152 + 512) - 1152,
     26 * 2 * 256},
};

class PublishedSizesTest : public ::testing::TestWithParam<Card> {};

TEST_P(PublishedSizesTest, ParametersFlopsAndState) {
  const Card& card = GetParam();
  Shapes weights(card.absent);
  auto made = architectures().at(card.architecture).make(card.config, weights);
  ASSERT_TRUE(made) << made.error().message;
  const Model& model = **made;
  EXPECT_EQ(weights.parameters, card.parameters);

  int64_t kv = 0;
  for (int i = 0; i < model.layers(); ++i)
    for (const StateSpec& s : model.state_specs(i)) kv += s.row.numel();
  EXPECT_EQ(kv, card.kv_values);

  Cost cost;
  const auto dry = make_dry_chip(&cost);
  TinyEngine engine(model, *dry, {.values = false});
  engine.feed(std::vector<int32_t>{1});
  const double attention = cost.flops - 2 * card.matrix_parameters;  // one position: small, but not nothing
  EXPECT_GT(attention, 0);
  EXPECT_LT(attention, 0.001 * cost.flops);
}

INSTANTIATE_TEST_SUITE_P(Cards, PublishedSizesTest, ::testing::ValuesIn(kCards),
                         [](const auto& info) { return std::string(info.param.name); });

}  // namespace
}  // namespace autark
