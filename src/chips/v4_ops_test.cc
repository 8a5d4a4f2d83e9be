// Goal: each V4 verb is correct on every chip. Method: numbers computed independently; a dense re-computation
// for verbs that choose or pool; every chip and instruction set.
#include "chips/v4_ops.h"
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include <random>
#include "chips/testing.h"
#include "tensor/bf16.h"

namespace autark {
namespace {

class V4OpsTest : public ::testing::TestWithParam<std::string> {
 protected:
  V4OpsTest() : chip_(chip_at(GetParam())) {}
  Tensor make(Shape s, auto value) {
    Tensor t = chip_->scratch(s);
    for (int64_t i = 0; i < s.numel(); ++i) t.f32()[i] = static_cast<float>(value(i));
    return t;
  }
  Vector vector(Shape s, auto value) { return {make(s, value).f32(), s}; }
  Tensor random(Shape s, int seed) {
    std::mt19937 gen(seed);
    std::normal_distribution<float> normal;
    return make(s, [&](int64_t) { return normal(gen); });
  }
  std::unique_ptr<Chip> chip_;
};

struct Matrix {
  Matrix(int64_t rows, int64_t cols, auto value) : values(rows * cols) {
    for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(value(int(i)));
    part = {reinterpret_cast<const std::byte*>(values.data())};
    weight = {Format::f32, {rows, cols}, {&part, 1}};
  }
  std::vector<float> values;
  Part part;
  Weight weight;
};

// x has mean square 1 (less eps), so that fn gives the published logits.
TEST_P(V4OpsTest, HyperConnectionWeightsAsPublished) {
  constexpr int kStreams = 4, kDim = 8, kMix = 24;
  const auto m = [](int i) { return ((7 * i) % 11 - 5) / 4.0; };
  const Matrix fn(kMix, kStreams * kDim, [&](int i) { return i % 32 == 0 ? m(i / 32) : 0; });
  const Tensor x = make({1, kStreams, kDim}, [](int64_t) { return 1; });
  const float scales[] = {1, 0.5, 2};
  const Mix mix =
      chip_->v4().hc_mix(x, fn.weight, Vector{scales, {3}},
                         vector({kMix}, [](int64_t i) { return ((5 * i) % 7 - 3) / 8.0; }), 0, 1e-6f, 20);
  chip_->wait();
  const float pre[] = {0.1645175f, 0.6791797f, 0.3775417f, 0.7310596f};
  const float post[] = {1.2449187f, 0.8756470f, 1.1853332f, 0.8146668f};
  const float comb[] = {0.1267709f, 0.5521209f, 0.1943349f, 0.1267721f, 0.2816277f, 0.0050130f,
                        0.4317313f, 0.2816270f, 0.0996749f, 0.4341089f, 0.3665392f, 0.0996760f,
                        0.4919255f, 0.0087562f, 0.0073936f, 0.4919238f};
  for (int i = 0; i < 4; ++i) {
    EXPECT_NEAR(mix.pre.f32()[i], pre[i], 1e-6);
    EXPECT_NEAR(mix.post.f32()[i], post[i], 1e-6);
  }
  for (int i = 0; i < 16; ++i) EXPECT_NEAR(mix.comb.f32()[i], comb[i], 2e-6) << i;
}

TEST_P(V4OpsTest, StreamsAreReadAndWrittenByTheirWeights) {
  V4Ops& v4 = chip_->v4();
  const Tensor x = random({3, 4, 10}, 1), y = random({3, 10}, 2), pre = random({3, 4}, 3),
               post = random({3, 4}, 4), comb = random({3, 4, 4}, 5);
  const Tensor h = v4.hc_pre(x, pre), z = v4.hc_post(y, x, post, comb), s = v4.hc_spread(y, 4);
  chip_->wait();
  for (int t = 0; t < 3; ++t) {
    for (int c = 0; c < 10; ++c) {
      double sum = 0;
      for (int j = 0; j < 4; ++j) sum += pre.row(t)[j] * x.row(4 * t + j)[c];
      EXPECT_NEAR(h.row(t)[c], sum, 1e-5);
      for (int k = 0; k < 4; ++k) {
        double out = post.row(t)[k] * y.row(t)[c];
        for (int j = 0; j < 4; ++j) out += comb.row(4 * t + j)[k] * x.row(4 * t + j)[c];
        EXPECT_NEAR(z.row(4 * t + k)[c], out, 1e-5);
        EXPECT_EQ(s.row(4 * t + k)[c], y.row(t)[c]);
      }
    }
  }
}

TEST_P(V4OpsTest, HadamardIsItsOwnInverse) {
  V4Ops& v4 = chip_->v4();
  const Tensor one = make({1, 128}, [](int64_t i) { return i == 3; });
  const Tensor x = random({5, 128}, 7), y = v4.hadamard(v4.hadamard(x)), column = v4.hadamard(one);
  chip_->wait();
  for (int64_t i = 0; i < x.shape.numel(); ++i) EXPECT_NEAR(y.f32()[i], x.f32()[i], 1e-5);
  for (int i = 0; i < 128; ++i)  // Sylvester order: (−1)^(bits in common)
    EXPECT_NEAR(column.f32()[i], (__builtin_popcount(i & 3) % 2 ? -1 : 1) / std::sqrt(128.0), 1e-7);
}

// Against all scores sorted, deep enough that visibility and ties matter.
TEST_P(V4OpsTest, IndexPicksTheBestVisibleRows) {
  constexpr int kHeads = 4, kDim = 64, kRatio = 4, kRows = 300, kTop = 7, kCount = 9;
  constexpr int64_t kBefore = kRows * kRatio - kCount;
  std::mt19937 gen(3);
  std::uniform_int_distribution<int> small(-1, 1);  // few values: ties; 1 / √(4 · 64) keeps them
  std::vector<float> keys(kRows * kDim);
  for (float& v : keys) v = static_cast<float>(small(gen));
  std::byte* page = reinterpret_cast<std::byte*>(keys.data());
  const std::span<std::byte* const> pages(&page, 1);
  const Span span{0, kCount};
  const int64_t length = kBefore;
  BlockView pooled;
  pooled.rows = {.width = kDim,
                 .tokens_per_row = kRatio,
                 .page_rows = kRows,
                 .sequences = {&span, 1},
                 .pages = {&pages, 1},
                 .length = {&length, 1}};
  const Tensor q = make({kCount, kHeads, kDim}, [&](int64_t) { return small(gen); });
  const Tensor weights = make({kCount, kHeads}, [](int64_t i) { return i % 3 - 1; });
  Tensor scores;
  const Tensor ids = chip_->v4().index_top_k(q, weights, pooled, kTop, &scores);
  chip_->wait();
  ASSERT_EQ(scores.shape, (Shape{kCount, kRows}));
  for (int i = 0; i < kCount; ++i) {
    const int visible = int(kBefore + i + 1) / kRatio;
    std::vector<std::pair<double, int>> all;
    for (int w = 0; w < visible; ++w) {
      double score = 0;
      for (int h = 0; h < kHeads; ++h) {
        double dot = 0;
        for (int c = 0; c < kDim; ++c) dot += q.row(i * kHeads + h)[c] * keys[w * kDim + c];
        score += std::max(dot, 0.0) * weights.row(i)[h];
      }
      all.emplace_back(-score, w);
      EXPECT_NEAR(scores.row(i)[w], score / 16, 1e-5);
    }
    for (int w = visible; w < kRows; ++w) EXPECT_EQ(scores.row(i)[w], -INFINITY);
    std::ranges::sort(all);
    for (int j = 0; j < kTop; ++j) EXPECT_EQ(ids.i32()[i * kTop + j], all[j].second) << i << " " << j;
  }
}

// Float32 angles would be off by 0.03 at position one million. Only official runs use them.
TEST_P(V4OpsTest, TurnsDependOnTheDistanceAlone) {
  const Rope rope{yarn_frequencies(64, 160000, {.factor = 16, .original = 65536}), 1,
                  Rope::Pairing::neighbours, /*tail=*/true};
  const Tensor x = random({2, 1, 128}, 3);
  const auto product = [&](int32_t at) {
    Tensor positions = chip_->scratch({2}, Format::i32);
    positions.i32()[0] = at, positions.i32()[1] = at + 7;
    const Tensor y = chip_->rope(x, positions, rope);
    double sum = 0;
    for (int c = 0; c < 128; ++c) sum += double(y.row(0)[c]) * y.row(1)[c];
    return sum;
  };
  EXPECT_NEAR(product(1'000'000), product(0), 2e-5);
}

// The official code rounds probabilities relative to the largest logit of the entries so far, 64 at a time,
// and puts a young sequence's positions in the first places of the window. Position 80 is in the second 64.
TEST_P(V4OpsTest, OfficialRoundingShowsThePlacesOfAYoungWindow) {
  constexpr int kDim = 64, kWindow = 128, kCount = 100;
  const auto chip = chip_at(GetParam(), {.inputs = Rounding::Inputs::official, .threads = 1});
  const Tensor q = make({kCount, 1, kDim}, [](int64_t i) { return i % kDim == 0 ? 8 : 0; });
  const Tensor kv = make({kCount, 1, kDim}, [](int64_t i) {  // logits from −1 to 1, a peak at 80
    const int64_t p = i / kDim;
    return i % kDim ? std::cos(double(i)) : p == 80 ? 3.3 : std::sin(double(p));
  });
  std::vector<float> ring(kWindow * kDim);
  std::byte* page = reinterpret_cast<std::byte*>(ring.data());
  const std::span<std::byte* const> pages(&page, 1);
  const Span span{0, kCount};
  const int64_t length = 0;
  const StateView window{.width = kDim,
                         .window_rows = kWindow,
                         .ring = kWindow,
                         .page_rows = kWindow,
                         .sequences = {&span, 1},
                         .pages = {&pages, 1},
                         .length = {&length, 1}};
  const Tensor y = chip->v4().sparse_attention(q, kv, window, {}, {}, vector({1}, [](int64_t) { return 0; }));
  chip->wait();
  const auto bf16 = [](double v) { return decode_bf16(encode_bf16(static_cast<float>(v))); };
  for (int at : {63, 80, 99}) {
    std::vector<double> o(kDim);
    double sum = 0, top = -INFINITY;
    for (int from = 0; from <= at; from += 64) {
      const int end = std::min(from + 64, at + 1);
      double now = top;
      for (int p = from; p < end; ++p) now = std::max<double>(now, kv.row(p)[0]);
      const double shrink = std::exp(top - now);
      sum *= shrink;
      for (double& v : o) v *= shrink;
      for (int p = from; p < end; ++p) {
        const double weight = std::exp(kv.row(p)[0] - now);
        sum += weight;
        for (int c = 0; c < kDim; ++c) o[c] += bf16(weight) * kv.row(p)[c];
      }
      top = now;
    }
    for (int c = 0; c < kDim; ++c)
      EXPECT_EQ(y.row(at)[c], bf16(o[c] / (sum + std::exp(-top)))) << at << " " << c;
  }
}

INSTANTIATE_TEST_SUITE_P(Places, V4OpsTest, ::testing::ValuesIn(places()),
                         [](const auto& place) { return place.param; });

TEST(RopeTest, YarnFrequenciesAsPublished) {
  const auto f = yarn_frequencies(64, 160000, {.factor = 16, .original = 65536});
  const double want[] = {1,
                         6.876560e-01,
                         4.728708e-01,
                         3.251725e-01,
                         2.236068e-01,
                         1.537646e-01,
                         1.057371e-01,
                         7.271077e-02,
                         5.000000e-02,
                         3.438280e-02,
                         2.364354e-02,
                         1.625862e-02,
                         1.118034e-02,
                         7.688228e-03,
                         5.286856e-03,
                         3.635539e-03,
                         2.265625e-03,
                         1.396801e-03,
                         8.496897e-04,
                         5.080820e-04,
                         2.969778e-04,
                         1.681800e-04,
                         9.086784e-05,
                         4.544423e-05,
                         1.953125e-05,
                         5.372313e-06,
                         3.694303e-06,
                         2.540410e-06,
                         1.746928e-06,
                         1.201286e-06,
                         8.260713e-07,
                         5.680529e-07};
  ASSERT_EQ(f.size(), std::size(want));
  for (size_t i = 0; i < f.size(); ++i) EXPECT_NEAR(f[i] / want[i], 1, 1e-6) << i;
}

TEST(RopeTest, AnAngleIsExactOrTheFloat32Product) {
  const Rope rope{{0.687656}};
  EXPECT_FLOAT_EQ(rotation(rope, 0, 1'000'000, false, AngleAs::exact).sine, std::sin(687656.0));
  EXPECT_FLOAT_EQ(rotation(rope, 0, 1'000'000, false, AngleAs::f32).sine, std::sin(double(1e6f * 0.687656f)));
  EXPECT_FLOAT_EQ(rotation(rope, 0, 1'000'000, true, AngleAs::exact).sine, -std::sin(687656.0));
}

}  // namespace
}  // namespace autark
