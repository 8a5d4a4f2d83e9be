// Goal: reference checkpoints open with every name, shape and number that a model looks for. Method:
// everything that their configs imply is requested by the published names; a GGUF twin must give the numbers
// of the checkpoint it was made from, bit for bit if its format keeps them.
#include <gtest/gtest.h>
#include "base/json.h"
#include "base/mapped_file.h"
#include "weights/checkpoint.h"
#include "weights/golden_testing.h"

namespace autark {
namespace {

std::vector<float> values(const Weight& w) {
  std::vector<float> all(w.shape.numel());
  for (int64_t r = 0; r < w.rows(); ++r) decode_row(w, r, std::span(all).subspan(r * w.cols(), w.cols()));
  return all;
}

// Rows of q and k are paired as neighbours in llama GGUF files: row 2j of a head is row j, 2j + 1 is
// j + half.
std::vector<float> unpaired(const std::vector<float>& rows, int64_t columns, int64_t head_dim) {
  std::vector<float> out(rows.size());
  const int64_t half = head_dim / 2;
  for (int64_t r = 0; r < std::ssize(rows) / columns; ++r) {
    const int64_t head = r / head_dim, j = r % head_dim;
    const int64_t to = head * head_dim + (j % 2 ? half + j / 2 : j / 2);
    std::copy_n(rows.begin() + r * columns, columns, out.begin() + to * columns);
  }
  return out;
}

Shape shape_of(const std::vector<int64_t>& dims) {
  Shape s;
  for (int64_t d : dims) s.d[s.rank++] = d;
  return s;
}

class CheckpointGoldenTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (golden_directories().empty()) GTEST_SKIP() << "lacks reference models in " << golden_models();
  }
};

TEST_F(CheckpointGoldenTest, DirectoriesOpenAndEveryTensorIsThere) {
  for (const auto& path : golden_directories()) {
    SCOPED_TRACE(path);
    const auto c = open_checkpoint(path);
    ASSERT_TRUE(c) << c.error().message;
    EXPECT_EQ(c.value().kind, "safetensors");
    EXPECT_EQ(path.filename().string().find(c.value().architecture), 0u) << c.value().architecture;
    const auto stated = parse_json(*read_file(path / "config.json"), "config.json");
    ASSERT_TRUE(stated) << stated.error().message;
    EXPECT_EQ(c.value().end_tokens, std::vector<int32_t>{(*stated)["eos_token_id"].get<int32_t>()});
    int64_t bytes = 0;
    for (const auto& t : c.value().tensors) {
      const Shape s = shape_of(t.shape);
      EXPECT_TRUE(c.value().weights->find(t.name, s)) << t.name;
      bytes += t.bytes;
    }
    EXPECT_EQ(c.value().bytes, bytes);
    EXPECT_FALSE(c.value().weights->fault());
    const Json& config = c.value().config;
    EXPECT_TRUE(
        c.value().weights->find("model.embed_tokens.weight", {config["vocab_size"], config["hidden_size"]}));
  }
}

TEST_F(CheckpointGoldenTest, GgufTwinsSayTheSameInTheirConfig) {
  for (const auto& path : golden_ggufs()) {
    SCOPED_TRACE(path);
    const std::string name = path.filename().string();
    const auto twin = golden_models() / name.substr(0, name.find('.'));
    const auto c = open_checkpoint(path);
    ASSERT_TRUE(c) << c.error().message;
    EXPECT_FALSE(c.value().end_tokens.empty());
    if (!std::filesystem::exists(twin / "config.json")) continue;
    const auto d = open_checkpoint(twin);
    ASSERT_TRUE(d) << d.error().message;
    EXPECT_EQ(c.value().architecture, d.value().architecture);
    EXPECT_EQ(c.value().end_tokens, d.value().end_tokens);
    const Json &got = c.value().config, &want = d.value().config;
    for (const char* key :
         {"num_hidden_layers", "hidden_size", "num_attention_heads", "num_key_value_heads", "head_dim",
          "intermediate_size", "vocab_size", "max_position_embeddings", "tie_word_embeddings", "num_experts",
          "num_experts_per_tok", "moe_intermediate_size", "norm_topk_prob", "sliding_window_pattern",
          "query_pre_attn_scalar", "rope_local_base_freq", "rope_theta"})
      if (want.contains(key) && (got.contains(key) || std::string(key) != "head_dim")) {
        EXPECT_EQ(got.value(key, Json()), want[key]) << key;
      }
    EXPECT_FLOAT_EQ(got["rms_norm_eps"].get<float>(), want["rms_norm_eps"].get<float>());
    if (c.value().architecture == "gemma3") {
      EXPECT_EQ(got["sliding_window"], want["sliding_window"]);
    }
  }
}

TEST_F(CheckpointGoldenTest, GgufTwinsHoldTheSameNumbers) {
  int compared = 0;
  for (const auto& path : golden_ggufs()) {
    SCOPED_TRACE(path);
    const std::string name = path.filename().string();
    const auto twin = golden_models() / name.substr(0, name.find('.'));
    if (!std::filesystem::exists(twin / "config.json")) continue;
    auto g = open_checkpoint(path), h = open_checkpoint(twin);
    ASSERT_TRUE(g && h);
    const Json& config = h.value().config;
    const int64_t head_dim = config.value(
        "head_dim", config["hidden_size"].get<int64_t>() / config["num_attention_heads"].get<int64_t>());
    const bool pairs = g.value().config.value("autark", Json::object()).contains("rope_pairing");
    const float offset = g.value().config.value("autark", Json::object()).value("norm_offset", 0);
    for (const auto& t : h.value().tensors) {
      SCOPED_TRACE(t.name);
      const Shape s = shape_of(t.shape);
      const auto a = g.value().weights->find(t.name, s), b = h.value().weights->find(t.name, s);
      ASSERT_TRUE(a && b);
      const bool vector = s.rank == 1;
      const Shape row{1, s.numel()};
      auto got = values(vector ? Weight{a->format, row, a->parts} : *a);
      auto want = values(vector ? Weight{b->format, row, b->parts} : *b);
      if (pairs && (t.name.find("q_proj") != t.name.npos || t.name.find("k_proj") != t.name.npos))
        got = unpaired(got, vector ? 1 : s[1], head_dim);
      if (t.name.find("norm") != t.name.npos)
        for (float& v : want) v += offset;
      float top = 0;
      for (float v : want) top = std::max(top, std::abs(v));
      const float slack = a->format == Format::q8_0 ? top / 240 : 0;
      for (size_t i = 0; i < got.size(); ++i) ASSERT_NEAR(got[i], want[i], slack) << i;
      ++compared;
    }
    EXPECT_FALSE(g.value().weights->fault());
  }
  EXPECT_GT(compared, 30);
}

TEST_F(CheckpointGoldenTest, StackedExpertsAreViews) {
  const auto path = golden_models() / "gguf" / "qwen3_moe-norm-sharded.F16.gguf";
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "lacks " << path;
  auto c = open_checkpoint(path);
  ASSERT_TRUE(c);
  const Weight w = c.value().weights->need("model.layers.1.mlp.experts.*.gate_proj.weight", {16, 64, 64});
  ASSERT_EQ(w.parts.size(), 16u);
  for (int e = 1; e < 16; ++e)
    EXPECT_EQ(w.parts[e].codes - w.parts[e - 1].codes, row_bytes(w.format, 64 * 64));
  EXPECT_FALSE(c.value().weights->fault());
  EXPECT_FALSE(c.value().weights->find("model.layers.1.mlp.experts.16.gate_proj.weight", {64, 64}));
  EXPECT_FALSE(c.value().weights->find("model.layers.1.mlp.experts.01x.gate_proj.weight", {64, 64}));
}

}  // namespace
}  // namespace autark
