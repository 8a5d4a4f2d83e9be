// Goal: gated_delta_rule computes its recurrence, on every chip, and no cut, company or rewind changes a bit, also at
// the borders of blocks. Method: a toy model whose only layer is the verb; its outputs are compared with the recurrence
// in float64, token by token, and with each other.
#include <gtest/gtest.h>
#include <cmath>
#include "chips/testing.h"
#include "models/testing.h"

namespace autark {
namespace {

constexpr int64_t kKeys = 2, kValues = 4, kKeyDim = 5, kValueDim = 19, kVocab = 50;
constexpr int64_t kQkv = 2 * kKeys * kKeyDim + kValues * kValueDim, kOut = kValues * kValueDim;
constexpr int64_t kWide = kQkv + 2 * kValues;

// Row t of the embedding is [q | k | v | a | b] of token t; the logits are the verb's results.
class DeltaToy final : public Model {
 public:
  DeltaToy(Weights& w, bool tiled)
      : embed_(w.need("embed", {kVocab, kWide})),
        same_(w.need("identity", {kOut, kOut})),
        rule_{.key_heads = kKeys,
              .value_heads = kValues,
              .key_dim = kKeyDim,
              .value_dim = kValueDim,
              .decay = w.vector("decay", {kValues}),
              .dt_bias = w.vector("dt_bias", {kValues}),
              .tiled = tiled} {}
  int layers() const override { return 1; }
  int64_t vocabulary() const override { return kOut; }
  int64_t context() const override { return 4096; }
  std::vector<StateSpec> state_specs(int) const override {
    return {{.name = "state",
             .row = {delta_state_values(rule_)},
             .stored = Format::f32,
             .window_rows = 1,
             .rewind = Rewind::replay},
            {.name = "inputs",
             .row = {delta_input_values(rule_)},
             .stored = Format::f32,
             .window_rows = int(kDeltaBlock)}};
  }
  Tensor embed(Step& s) const override { return s.on.embedding(embed_, s.tokens); }
  Tensor layer(Step& s, int i, Tensor x) const override {
    Chip& on = s.on;
    return on.gated_delta_rule(on.slice(x, 0, kQkv), on.slice(x, kQkv, kValues),
                               on.slice(x, kQkv + kValues, kValues), rule_, {s.state(i, 0), s.state(i, 1)});
  }
  Tensor logits(Step& s, Tensor x) const override { return s.on.linear(s.on.gather(x, s.wanted), same_); }

 private:
  Weight embed_, same_;
  DeltaRule rule_;
};

float entry(int64_t token, int64_t column) {
  return std::sin(0.37f * float(token * 7 + 3) * float(column % 11 + 1) + float(column));
}
float decay_of(int64_t h) {
  return -0.05f - 0.3f * float(h);
}

void fill(const std::string& name, const Shape& shape, std::span<float> out) {
  for (int64_t i = 0; i < shape.numel(); ++i) {
    if (name == "embed") out[i] = entry(i / kWide, i % kWide);
    if (name == "identity") out[i] = i / kOut == i % kOut;
    if (name == "decay") out[i] = decay_of(i);
    if (name == "dt_bias") out[i] = 0.1f * float(i);
  }
}

std::vector<int32_t> tokens(int n) {
  std::vector<int32_t> all;
  for (int i = 0; i < n; ++i) all.push_back((5 + 37 * i * i + 11 * i) % kVocab);
  return all;
}

// One value head over all tokens.
std::vector<std::vector<double>> recurrence(const std::vector<int32_t>& ids, int64_t h, bool tiled) {
  const int64_t key = tiled ? h % kKeys : h / (kValues / kKeys), K = kKeys * kKeyDim;
  std::vector<double> s(kKeyDim * kValueDim);
  std::vector<std::vector<double>> all;
  for (const int32_t id : ids) {
    double q[kKeyDim], k[kKeyDim], qq = 1e-6, kk = 1e-6;
    for (int64_t c = 0; c < kKeyDim; ++c) {
      q[c] = entry(id, key * kKeyDim + c), k[c] = entry(id, K + key * kKeyDim + c);
      qq += q[c] * q[c], kk += k[c] * k[c];
    }
    const double z = entry(id, kQkv + h) + 0.1f * float(h), softplus = std::log1p(std::exp(z));
    const double g = std::exp(decay_of(h) * softplus);
    const double beta = 1 / (1 + std::exp(-double(entry(id, kQkv + kValues + h))));
    auto& o = all.emplace_back(kValueDim);
    for (int64_t v = 0; v < kValueDim; ++v) {
      double seen = 0;
      for (int64_t c = 0; c < kKeyDim; ++c) seen += k[c] / std::sqrt(kk) * (s[c * kValueDim + v] *= g);
      const double u = beta * (entry(id, 2 * K + h * kValueDim + v) - seen);
      for (int64_t c = 0; c < kKeyDim; ++c) {
        s[c * kValueDim + v] += k[c] / std::sqrt(kk) * u;
        o[v] += q[c] / std::sqrt(qq * kKeyDim) * s[c * kValueDim + v];
      }
    }
  }
  return all;
}

class DeltaRuleTest : public ::testing::TestWithParam<std::string> {
 protected:
  TinyEngine::Matrix feed(const std::vector<int>& chunks, bool tiled = false) {
    const DeltaToy model(weights_, tiled);
    const auto on = chip_at(GetParam());
    TinyEngine engine(model, *on, {.rewind_tokens = 3});
    TinyEngine::Matrix all;
    for (auto at = ids_.begin(); const int n : chunks) {
      for (auto& row : engine.feed(std::vector(at, at + n))) all.push_back(row);
      at += n;
    }
    return all;
  }
  FormulaWeights weights_{fill};
  const std::vector<int32_t> ids_ = tokens(200);
};

TEST_P(DeltaRuleTest, IsItsRecurrence) {
  for (const bool tiled : {false, true}) {
    const auto got = feed({200}, tiled);
    double largest = 0;
    for (int64_t h = 0; h < kValues; ++h) {
      const auto want = recurrence(ids_, h, tiled);
      for (size_t t = 0; t < got.size(); ++t) {
        for (int64_t v = 0; v < kValueDim; ++v) {
          ASSERT_NEAR(got[t][h * kValueDim + v], want[t][v], 2e-5) << "token " << t << ", head " << h;
          largest = std::max(largest, std::abs(want[t][v]));
        }
      }
    }
    EXPECT_GT(largest, 0.3);  // otherwise the tolerance would prove nothing
  }
}

TEST_P(DeltaRuleTest, CutsChangeNoBit) {
  const auto want = feed({200});
  for (const std::vector<int>& chunks :
       {std::vector{1, 62, 1, 1, 63, 72}, {64, 64, 64, 8}, {65, 1, 1, 61, 72}, {130, 70}, {20, 180}})
    EXPECT_EQ(feed(chunks), want);
  EXPECT_EQ(feed(std::vector<int>(200, 1)), want);
}

TEST_P(DeltaRuleTest, TokensThatAreTakenBackLeaveNoTrace) {
  const auto want = feed({200});
  const DeltaToy model(weights_, false);
  const auto on = chip_at(GetParam());
  TinyEngine engine(model, *on, {.rewind_tokens = 3});
  TinyEngine::Matrix got;
  for (size_t at = 0; at < ids_.size();) {
    const size_t n = std::min<size_t>(5, ids_.size() - at);
    std::vector<int32_t> chunk(ids_.begin() + at, ids_.begin() + at + n);
    const size_t wrong = n == 5 ? at % 4 : 0;  // of the chunk's last tokens
    for (size_t i = 0; i < wrong; ++i) chunk[n - 1 - i] = 49;
    auto rows = engine.feed(chunk);
    engine.rewind(0, int64_t(wrong));
    for (size_t i = 0; i + wrong < n; ++i) got.push_back(rows[i]);
    at += n - wrong;
  }
  EXPECT_EQ(got, want);
}

TEST_P(DeltaRuleTest, ASequenceDoesNotFeelItsCompany) {
  const DeltaToy model(weights_, false);
  const auto on = chip_at(GetParam());
  TinyEngine alone(model, *on), together(model, *on);
  const auto a = tokens(70), b = tokens(131);
  const auto want = alone.feed(b), got = together.feed({{0, a}, {1, b}});
  EXPECT_TRUE(std::equal(want.begin(), want.end(), got.begin() + std::ssize(a)));
}

INSTANTIATE_TEST_SUITE_P(Places, DeltaRuleTest, ::testing::ValuesIn(places()),
                         [](const auto& place) { return place.param; });

}  // namespace
}  // namespace autark
