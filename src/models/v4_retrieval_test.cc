// Goal: information tens of thousands of tokens back is found: index keys, visibility, top-k and pooled rows
// work at depth. Method: a model with one 4:1 layer, built by hand to answer a query token with the value of
// the needle of the same name: index and attention match signatures, the pooling prefers needles, values pass
// through. Needles are near the beginning, in the middle and just outside the window; one is missing.
#include <gtest/gtest.h>
#include <algorithm>
#include <random>
#include "base/sanitized.h"
#include "chips/registry.h"
#include "models/architecture.h"
#include "models/testing.h"
#include "models/v4_toy_testing.h"

namespace autark {
namespace {

// A token's embedding: [signature 32 | value 32 | needle? | always 1 | … | answer 32].
constexpr int kCode = 32, kNeedleFlag = 64, kOne = 65, kAnswer = 96, kDim = 128;
constexpr int kFillers = 40, kNeedles = 4;  // then the needles, their queries, their values
constexpr int kNeedle = kFillers, kQuery = kNeedle + kNeedles, kValue = kQuery + kNeedles,
              kVocabulary = kValue + kNeedles;

Json config() {
  Json j = toy_v4_config();
  j.update({{"num_hidden_layers", 1},
            {"hidden_size", kDim},
            {"num_attention_heads", 1},
            {"q_lora_rank", kCode},
            {"o_lora_rank", kCode},
            {"o_groups", 1},
            {"sliding_window", 128},
            {"index_n_heads", 1},
            {"index_topk", 4},
            {"num_hash_layers", 0},
            {"n_routed_experts", 2},
            {"num_experts_per_tok", 1},
            {"vocab_size", kVocabulary},
            {"compress_ratios", {4}}});
  return j;
}

// ±1, always the same for a name.
std::vector<float> code(const std::string& name, int n) {
  std::mt19937 gen(static_cast<uint32_t>(fnv1a64(name + std::to_string(n))));
  std::vector<float> c(kCode);
  for (float& v : c) v = gen() % 2 ? 1.f : -1.f;
  return c;
}

void embed(int token, std::span<float> row) {
  const bool filler = token < kFillers;
  const bool needle = token >= kNeedle && token < kQuery, query = token >= kQuery && token < kValue;
  const int name = needle ? token - kNeedle : token - kQuery;
  if (needle || query) std::ranges::copy(code("signature", name), row.begin());
  if (needle) std::ranges::copy(code("value", name), row.begin() + kCode);
  if (filler) std::ranges::copy(code("noise", token), row.begin());
  if (filler) std::ranges::copy(code("noise value", token), row.begin() + kCode);
  row[kNeedleFlag] = needle;
  row[kOne] = 1;
}

// out[to + i][from + i] = 1 for i < n, in a matrix of `cols` columns.
void copy_channels(std::span<float> out, int64_t cols, int to, int from, int n) {
  for (int i = 0; i < n; ++i) out[(to + i) * cols + from + i] = 1;
}

void retrieval_tensor(const std::string& name, const Shape& shape, std::span<float> out) {
  const auto ends = [&](const char* part) { return name.ends_with(part); };
  const int64_t cols = shape[-1];
  if (name == "embed.weight") {
    for (int t = 0; t < kVocabulary; ++t) embed(t, out.subspan(t * kDim, kDim));
  } else if (name == "head.weight") {
    for (int v = 0; v < kNeedles; ++v)
      std::ranges::copy(code("value", v), out.begin() + (kValue + v) * kDim + kAnswer);
  } else if (ends("norm.weight")) {
    std::ranges::fill(out, name.find("compressor") != name.npos ? 2.f : 1.f);
  } else if (ends("_scale")) {
    std::ranges::fill(out, 1);
  } else if (ends("_base")) {  // stream 0 is read and written, streams do not mix
    std::ranges::fill(out, -30);
    out[0] = 30;
    if (out.size() == 4) return;
    out[4] = 0;
    for (int k = 0; k < 4; ++k) out[8 + 5 * k] = 30;
  } else if (ends("attn_sink")) {
    out[0] = -30;
  } else if (ends("indexer.weights_proj.weight")) {
    out[kOne] = 1;
  } else if (ends("wq_a.weight")) {
    copy_channels(out, cols, 0, 0, kCode);
  } else if (ends("wq_b.weight")) {
    copy_channels(out, cols, 0, 0, kCode);
  } else if (ends("wgate.weight")) {
    for (int64_t r = 0; r < shape[0]; ++r) out[r * cols + kNeedleFlag] = 40;
  } else if (ends("compressor.wkv.weight")) {  // both halves; index keys have no value
    const int n = name.find("indexer") != name.npos ? kCode : 2 * kCode;
    copy_channels(out, cols, 0, 0, n);
    copy_channels(out, cols, int(shape[0] / 2), 0, n);
  } else if (ends("attn.wkv.weight")) {
    copy_channels(out, cols, 0, 0, 2 * kCode);
  } else if (ends("wo_a.weight")) {
    copy_channels(out, cols, 0, kCode, kCode);
  } else if (ends("wo_b.weight")) {
    copy_channels(out, cols, kAnswer, 0, kCode);
  }
}

constexpr int kLength = kSanitized ? 1500 : 18700;

std::vector<int32_t> haystack() {
  std::mt19937 gen(11);
  std::vector<int32_t> t(kLength);
  for (int32_t& id : t) id = static_cast<int32_t>(gen() % kFillers);
  t[3] = kNeedle;
  t[kLength / 2 + 1] = kNeedle + 1;
  t[kLength - 140] = kNeedle + 2;  // outside the window of what follows
  return t;
}

class V4RetrievalTest : public ::testing::TestWithParam<Rounding::Cache> {};

TEST_P(V4RetrievalTest, FindsWhatIsThereAndNothingElse) {
  FormulaWeights weights(retrieval_tensor);
  const Json j = config();
  auto model = architectures().at("deepseek_v4").make(j, weights);
  ASSERT_TRUE(model) << model.error().message;
  auto chip = make_chip("cpu", {});
  ASSERT_TRUE(chip);
  TinyEngine engine(**model, **chip, {.cache = GetParam(), .page = 128});
  const auto tokens = haystack();
  for (int at = 0; at < kLength; at += 1024)
    engine.feed({{0, {tokens.begin() + at, tokens.begin() + std::min(at + 1024, kLength)}}}, true);
  for (int n = 0; n < kNeedles; ++n) {
    const auto logits = engine.feed(std::vector<int32_t>{kQuery + n}).back();
    const auto values = std::span(logits).subspan(kValue);
    if (n < 3) {
      EXPECT_EQ(std::ranges::max_element(values) - values.begin(), n) << "needle " << n;
      EXPECT_GT(values[n], 25) << "needle " << n;  // 45 without any other row attended to
    } else {
      EXPECT_LT(*std::ranges::max_element(values), 25) << "there is no such needle";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Caches, V4RetrievalTest,
                         ::testing::Values(Rounding::Cache::f32, Rounding::Cache::native),
                         [](const auto& cache) {
                           return std::string(cache.param == Rounding::Cache::f32 ? "f32" : "native");
                         });

}  // namespace
}  // namespace autark
