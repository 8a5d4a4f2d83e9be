// Goal: attention of the CPU chip equals the oracle's, for every record, window, grouping and length, and
// leaves the same records behind. Method: random sequences fed in random chunks to both chips.
#include "chips/cpu/testing.h"

namespace autark {
namespace {
using namespace cpu_testing;

struct Case {
  Format record;
  int heads, key_heads, dim, window, slack;
};

class AttentionTest : public testing::TestWithParam<std::string> {};

struct Outcome {
  std::vector<float> y;
  std::vector<std::vector<float>> kept;  // of each sequence: the rows still there
};

Outcome run(Chip& on, const Case& c, const std::vector<std::vector<int>>& chunks) {
  const int sequences = static_cast<int>(chunks.size()), width = c.key_heads * c.dim;
  const int ring = c.window ? c.window + c.slack : 0;
  State ks(c.record, width, c.window, ring, 16, sequences),
      vs(c.record, width, c.window, ring, 16, sequences);
  std::vector<int64_t> lengths(sequences);
  Outcome out;
  for (size_t step = 0; step < chunks[0].size(); ++step) {
    std::vector<Span> spans;
    int rows = 0;
    for (int i = 0; i < sequences; ++i) spans.push_back({rows, chunks[i][step]}), rows += chunks[i][step];
    on.reset();
    const uint32_t seed = static_cast<uint32_t>(100 * step);
    Tensor q = floats(on, {rows, c.heads, c.dim}, random_values(rows * c.heads * c.dim, seed + 1));
    Tensor k = floats(on, {rows, c.key_heads, c.dim}, random_values(rows * width, seed + 2));
    Tensor v = floats(on, {rows, c.key_heads, c.dim}, random_values(rows * width, seed + 3));
    const Rows kr = ks.rows(spans, lengths), vr = vs.rows(spans, lengths);
    const auto y =
        values(on, on.attention(q, k, v, kr, vr, {.scale = 1 / std::sqrt(float(c.dim)), .window = c.window}));
    out.y.insert(out.y.end(), y.begin(), y.end());
    for (int i = 0; i < sequences; ++i) lengths[i] += spans[i].count;
    if (step + 1 < chunks[0].size()) continue;
    for (int i = 0; i < sequences; ++i) {
      for (const Rows* r : {&kr, &vr}) {
        for (int64_t row = c.window ? std::max<int64_t>(0, lengths[i] - c.window) : 0; row < lengths[i];
             ++row) {
          auto& x = out.kept.emplace_back(width);
          load(*r, i, row, x);
        }
      }
    }
  }
  return out;
}

TEST_P(AttentionTest, EqualsTheOracle) {
  for (const Case& c : {Case{Format::f32, 4, 2, 32, 0, 0},
                        {Format::f16, 14, 2, 64, 0, 0},
                        {Format::bf16, 3, 3, 24, 0, 0},
                        {Format::f16, 4, 1, 256, 9, 0},
                        {Format::f32, 2, 1, 16, 70, 5},
                        {Format::f16, 80, 1, 16, 3, 1}}) {
    const std::vector<std::vector<int>> chunks{{70, 1, 1, 65}, {1, 1, 90, 1}, {3, 20, 1, 1}};
    auto ref = make_chip("ref");
    const Outcome want = run(**ref, c, chunks);
    for (const int threads : {1, 3}) {
      auto on = cpu({.threads = threads, .isa = GetParam()});
      const Outcome got = run(*on, c, chunks);
      ASSERT_EQ(got.y.size(), want.y.size());
      for (size_t i = 0; i < want.y.size(); ++i)
        ASSERT_NEAR(got.y[i], want.y[i], 1e-5)
            << "value " << i << ", window " << c.window << ", dim " << c.dim;
      EXPECT_EQ(got.kept, want.kept) << "window " << c.window << ", dim " << c.dim;
    }
  }
}

TEST_P(AttentionTest, FloatStorageCanPretendToBeARecord) {
  auto ref = make_chip("ref");
  auto on = cpu({.isa = GetParam()});
  const Span span{0, 9};
  const int64_t none = 0;
  std::vector<std::vector<float>> y;
  for (Chip* chip : {ref->get(), on.get()}) {
    State ks(Format::f32, 32, 0, 0, 16, 1), vs(Format::f32, 32, 0, 0, 16, 1);
    Rows kr = ks.rows({&span, 1}, {&none, 1}), vr = vs.rows({&span, 1}, {&none, 1});
    kr.codes = vr.codes = Format::bf16;
    const auto t = [&](int seed) { return floats(*chip, {9, 1, 32}, random_values(9 * 32, seed)); };
    y.push_back(values(*chip, chip->attention(t(1), t(2), t(3), kr, vr, {.scale = 1})));
  }
  for (size_t i = 0; i < y[0].size(); ++i) EXPECT_NEAR(y[0][i], y[1][i], 1e-5);
}

INSTANTIATE_TEST_SUITE_P(Isa, AttentionTest, testing::ValuesIn(cpu_isas()),
                         [](const auto& i) { return i.param; });

}  // namespace
}  // namespace autark
