// Goal: the verbs can express multi-head latent attention (DeepSeek-V3, arXiv:2412.19437) with choices among
// groups of experts, in both forms that the equations allow. Method: a tiny random model, once as published
// (keys and values of every head in the state) and once absorbed (one latent row per token is key and value
// of all heads). Both give the same logits within float32's rounding, and each gives the same bits however a
// prompt is cut, on every chip and instruction set.
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include "chips/testing.h"
#include "models/testing.h"

namespace autark {
namespace {

constexpr int64_t kLayers = 3, kDim = 48, kVocab = 64;
constexpr int64_t kHeads = 4, kPlain = 12, kTurned = 8, kValue = 10, kLatent = 20;  // channels of a head; C
constexpr int64_t kExperts = 16, kExpertDim = 24;
constexpr float kEps = 1e-6f;
constexpr Routing kRouting{.score = Routing::Score::sigmoid,
                           .k = 3,
                           .groups = 4,
                           .groups_kept = 2,
                           .renormalise = true,
                           .scale = 2.5f,
                           .sum_least = 1e-20f};

// Channels [first, first + count) of each head of x [rows, heads, dim].
Tensor channels(Chip& on, Tensor x, int64_t first, int64_t count) {
  Tensor y = on.result({x.shape[0], x.shape[1], count});
  on.each(y.rows(), {x}, {y},
          [=](int64_t i) { std::ranges::copy(x.row(i).subspan(first, count), y.row(i).begin()); });
  return y;
}

// [a | b] of each head; b may have one head for all.
Tensor side_by_side(Chip& on, Tensor a, Tensor b) {
  Tensor y = on.result({a.shape[0], a.shape[1], a.cols() + b.cols()});
  const int64_t share = a.shape[1] / b.shape[1];
  on.each(y.rows(), {a, b}, {y}, [=](int64_t i) {
    std::ranges::copy(a.row(i), y.row(i).begin());
    std::ranges::copy(b.row(i / share), y.row(i).begin() + a.cols());
  });
  return y;
}

struct Layer {
  Vector attn_norm, ffn_norm, latent_norm, bias;
  Weight q, latent, turned, kv, o, router, gate, up, down, shared_gate, shared_up, shared_down;
  Weight absorb_k, absorb_v;  // [heads, latent, plain], [heads, value, latent]
};

class MlaToy final : public Model {
 public:
  MlaToy(Weights& w, bool absorbed) : absorbed_(absorbed) {
    embed_ = w.need("embed", {kVocab, kDim});
    norm_ = w.vector("norm", {kDim});
    for (int i = 0; i < kLayers; ++i) load("layers." + std::to_string(i) + ".", w);
  }
  int layers() const override { return kLayers; }
  int64_t vocabulary() const override { return kVocab; }
  int64_t context() const override { return 4096; }
  std::vector<StateSpec> state_specs(int) const override {
    if (absorbed_) return {{.name = "latent", .row = {1, kLatent + kTurned}}};
    return {{.name = "k", .row = {kHeads, kPlain + kTurned}}, {.name = "v", .row = {kHeads, kValue}}};
  }
  Tensor embed(Step& s) const override { return s.on.embedding(embed_, s.tokens, 10); }
  Tensor layer(Step& s, int i, Tensor x) const override {
    const Layer& w = w_[i];
    Tensor a = attention(s, w, i, s.on.rms_norm(x, w.attn_norm, kEps));
    const Tensor h = s.on.add_rms_norm(&x, a, w.ffn_norm, kEps);
    return s.on.add(x, experts(s, w, i, h));
  }
  Tensor logits(Step& s, Tensor x) const override {
    return s.on.linear(s.on.rms_norm(s.on.gather(x, s.wanted), norm_, kEps), embed_);
  }

 private:
  Tensor attention(Step& s, const Layer& w, int i, Tensor x) const {
    Chip& on = s.on;
    Tensor q = on.rope(on.linear(x, w.q).split(kPlain + kTurned), s.positions, rope_);
    const Tensor c = on.rms_norm(on.linear(x, w.latent), w.latent_norm, kEps);
    const Tensor kr = on.rope(on.linear(x, w.turned).split(kTurned), s.positions, rope_);
    const float scale = 1 / std::sqrt(float(kPlain + kTurned));
    if (!absorbed_) {
      const Tensor kv = on.linear(c, w.kv).split(kPlain + kValue);
      const Tensor k = side_by_side(on, channels(on, kv, 0, kPlain), kr),
                   v = channels(on, kv, kPlain, kValue);
      return on.linear(on.attention(q, k, v, s.state(i, 0), s.state(i, 1), {.scale = scale}).join(), w.o);
    }
    const Tensor qn = on.grouped_linear(channels(on, q, 0, kPlain).join(), w.absorb_k);
    q = side_by_side(on, qn.split(kLatent), channels(on, q, kPlain, kTurned));
    const Tensor row = side_by_side(on, c.split(kLatent), kr);
    const Attend how{.scale = scale, .value_dim = kLatent};
    const Tensor o = on.attention(q, row, {}, s.state(i, 0), {}, how);
    return on.linear(on.grouped_linear(o.join(), w.absorb_v), w.o);
  }
  Tensor experts(Step& s, const Layer& w, int i, Tensor x) const {
    const Choice to = s.on.route(s.on.linear(x, w.router), w.bias, {}, kRouting);
    s.note(i, "router_ids", to.ids);
    const Tensor shared = s.on.ffn(x, w.shared_gate, w.shared_up, w.shared_down);
    return s.on.add(shared, s.on.moe(x, to, w.gate, w.up, w.down));
  }
  void load(const std::string& p, Weights& w) {
    const Shape kv{kHeads, kPlain + kValue, kLatent};
    const auto matrix = [&](const char* name, Shape s) { return w.need(p + name, s); };
    w_.push_back({.attn_norm = w.vector(p + "attn_norm", {kDim}),
                  .ffn_norm = w.vector(p + "ffn_norm", {kDim}),
                  .latent_norm = w.vector(p + "latent_norm", {kLatent}),
                  .bias = w.vector(p + "gate_bias", {kExperts}),
                  .q = matrix("q", {kHeads * (kPlain + kTurned), kDim}),
                  .latent = matrix("latent", {kLatent, kDim}),
                  .turned = matrix("turned", {kTurned, kDim}),
                  .kv = matrix("kv", {kv[0] * kv[1], kLatent}),
                  .o = matrix("o", {kDim, kHeads * kValue}),
                  .router = matrix("router", {kExperts, kDim}),
                  .gate = matrix("*.gate", {kExperts, kExpertDim, kDim}),
                  .up = matrix("*.up", {kExperts, kExpertDim, kDim}),
                  .down = matrix("*.down", {kExperts, kDim, kExpertDim}),
                  .shared_gate = matrix("gate", {kExpertDim, kDim}),
                  .shared_up = matrix("up", {kExpertDim, kDim}),
                  .shared_down = matrix("down", {kDim, kExpertDim}),
                  .absorb_k = w.need_transposed_groups(p + "kv", kv, Cut::none, {0, kPlain}),
                  .absorb_v = w.need_groups(p + "kv", kv, Cut::none, {kPlain, kValue})});
  }

  const bool absorbed_;
  const Rope rope_{plain_frequencies(kTurned, 10000), 1, Rope::Pairing::neighbours, /*tail=*/true};
  Weight embed_;
  Vector norm_;
  std::vector<Layer> w_;
};

std::vector<int32_t> prompt(int n, int seed) {
  std::vector<int32_t> p;
  for (int i = 0; i < n; ++i) p.push_back((seed + 37 * i * i + 11 * i) % kVocab);
  return p;
}

// Larger than random_tensor's, so that attention and choices matter.
void fill(const std::string& name, const Shape& shape, std::span<float> out) {
  random_tensor(name, shape, out);
  if (name.find("norm") != std::string::npos) return;
  for (float& v : out) v *= 3;
}

class MlaToyTest : public ::testing::TestWithParam<std::string> {
 protected:
  TinyEngine::Matrix feed(bool absorbed, const std::vector<int>& chunks, TinyEngine::Options o = {}) {
    const MlaToy model(weights_, absorbed);
    const auto on = chip_at(GetParam());
    TinyEngine engine(model, *on, o);
    TinyEngine::Matrix all;
    for (auto at = tokens_.begin(); const int n : chunks) {
      for (auto& row : engine.feed(std::vector(at, at + n))) all.push_back(row);
      at += n;
    }
    return all;
  }
  FormulaWeights weights_{fill};
  const std::vector<int32_t> tokens_ = prompt(80, 3);
};

TEST_P(MlaToyTest, AbsorbedAndPublishedFormsAgree) {
  const auto want = feed(false, {80}), got = feed(true, {80});
  float largest = 0;
  for (size_t t = 0; t < want.size(); ++t) {
    for (int64_t i = 0; i < kVocab; ++i) {
      ASSERT_NEAR(got[t][i], want[t][i], 1e-4) << "token " << t;
      largest = std::max(largest, std::abs(want[t][i]));
    }
  }
  EXPECT_GT(largest, 1);  // otherwise the tolerance would prove nothing
}

TEST_P(MlaToyTest, ChunkedEqualsWhole) {
  for (const bool absorbed : {false, true}) {
    for (const auto cache : {Rounding::Cache::f32, Rounding::Cache::native}) {
      const auto want = feed(absorbed, {80}, {.cache = cache});
      EXPECT_EQ(feed(absorbed, {1, 63, 2, 13, 1}, {.cache = cache}), want) << absorbed;
      EXPECT_EQ(feed(absorbed, {40, 40}, {.cache = cache}), want) << absorbed;
    }
  }
}

TEST_P(MlaToyTest, ASequenceDoesNotFeelItsCompany) {
  for (const bool absorbed : {false, true}) {
    const MlaToy model(weights_, absorbed);
    const auto on = chip_at(GetParam());
    TinyEngine alone(model, *on), together(model, *on);
    const auto a = prompt(9, 1), b = prompt(13, 2);
    const auto want = alone.feed(b), got = together.feed({{0, a}, {1, b}});
    EXPECT_TRUE(std::equal(want.begin(), want.end(), got.begin() + std::ssize(a))) << absorbed;
  }
}

// Without its mask, a choice would leave the two kept groups.
TEST_P(MlaToyTest, ChoicesStayInTheGroupsThatAreKept) {
  const MlaToy model(weights_, true);
  const auto on = chip_at(GetParam());
  TinyEngine engine(model, *on);
  engine.feed(tokens_);
  const Tensor ids = engine.notes.at({1, "router_ids"});
  std::vector<int> used(kExperts);
  for (int64_t t = 0; t < ids.rows(); ++t) {
    std::vector<int32_t> groups;
    for (int j = 0; j < kRouting.k; ++j) {
      const int32_t e = ids.i32()[t * kRouting.k + j];
      groups.push_back(e / (kExperts / kRouting.groups));
      ++used[e];
    }
    std::ranges::sort(groups);
    EXPECT_LE(std::unique(groups.begin(), groups.end()) - groups.begin(), kRouting.groups_kept);
  }
  EXPECT_GT(std::ranges::count_if(used, [](int n) { return n > 0; }), 8);
}

INSTANTIATE_TEST_SUITE_P(Places, MlaToyTest, ::testing::ValuesIn(places()),
                         [](const auto& place) { return place.param; });

// The latent row is read once, and it is the only state of a token.
TEST(MlaToyTest, CostsOfBothForms) {
  FormulaWeights weights;
  const std::vector<int32_t> one{1};
  double bytes[2], flops[2];
  for (const bool absorbed : {false, true}) {
    const MlaToy model(weights, absorbed);
    Cost cost;
    const auto dry = make_dry_chip(&cost);
    TinyEngine engine(model, *dry, {.cache = Rounding::Cache::native, .values = false});
    engine.feed(prompt(99, 1));
    cost = {};
    engine.feed(one);  // sees 100 rows
    bytes[absorbed] = cost.kv_bytes;
    flops[absorbed] = cost.flops;
    EXPECT_EQ(cost.attended, std::vector<Format>{Format::f16});
  }
  EXPECT_EQ(bytes[0], kLayers * 100 * 2 * kHeads * (kPlain + kTurned + kValue));
  EXPECT_EQ(bytes[1], kLayers * 100 * 2 * (kLatent + kTurned));
  const double scores[] = {2.0 * kHeads * 100 * (kPlain + kTurned + kValue),
                           2.0 * kHeads * 100 * (2 * kLatent + kTurned)};
  EXPECT_EQ(flops[1] - flops[0], kLayers * (scores[1] - scores[0]));  // both use the same matrices once
}

}  // namespace
}  // namespace autark
