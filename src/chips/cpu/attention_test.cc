// Goal: attention of the CPU chip equals the oracle's, for every record, window, grouping, value width and
// length, and leaves the same records behind. Method: random sequences fed in random chunks to both chips;
// bits compared across chunks, batches and thread counts.
#include <algorithm>
#include <cmath>
#include "chips/cpu/testing.h"
#include "chips/cpu/verbs.h"

namespace autark {
namespace {
using namespace cpu_testing;

struct Case {
  Format record;
  int heads, key_heads, dim, window, rewind_tokens;
  int value_dim = 0;    // 0: as the keys
  bool shared = false;  // values are channels of the key rows
  int values() const { return value_dim ? value_dim : dim; }
};

class AttentionTest : public testing::TestWithParam<std::string> {};

struct Outcome {
  std::vector<float> y;
  std::vector<std::vector<float>> kept;  // of each sequence: the rows that are still stored
};

Outcome run(Chip& on, const Case& c, const std::vector<std::vector<int>>& chunks) {
  const int sequences = static_cast<int>(chunks.size()), width = c.key_heads * c.dim;
  const int ring = c.window ? c.window + c.rewind_tokens : 0;
  const int value_width = c.key_heads * c.values();
  State ks(c.record, width, c.window, ring, 16, sequences),
      vs(c.record, value_width, c.window, ring, 16, sequences);
  const Attend how{.scale = 1 / std::sqrt(float(c.dim)), .window = c.window, .value_dim = c.value_dim};
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
    Tensor v;
    if (!c.shared)
      v = floats(on, {rows, c.key_heads, c.values()}, random_values(rows * value_width, seed + 3));
    const StateView kr = ks.view(spans, lengths), vr = c.shared ? StateView{} : vs.view(spans, lengths);
    const Tensor result = on.attention(q, k, v, kr, vr, how);
    EXPECT_EQ(result.shape, (Shape{rows, c.heads, c.values()}));
    const auto y = values(on, result);
    out.y.insert(out.y.end(), y.begin(), y.end());
    for (int i = 0; i < sequences; ++i) lengths[i] += spans[i].count;
    if (step + 1 < chunks[0].size()) continue;
    for (int i = 0; i < sequences; ++i) {
      for (const StateView* r : {&kr, &vr}) {
        for (int64_t row = c.window ? std::max<int64_t>(0, lengths[i] - c.window) : 0; row < lengths[i];
             ++row) {
          if (!r->width) break;
          auto& x = out.kept.emplace_back(r->width);
          load(*r, i, row, x);
        }
      }
    }
  }
  return out;
}

// One sequence of 100 tokens in chunks, the same tokens however it is cut.
std::vector<float> run_one(Chip& on, const Case& c, const std::vector<int>& chunks) {
  constexpr int kTokens = 100;
  const int width = c.key_heads * c.dim, value_width = c.key_heads * c.values();
  const int ring = c.window ? c.window + c.rewind_tokens : 0;
  State ks(c.record, width, c.window, ring, 16, 1), vs(c.record, value_width, c.window, ring, 16, 1);
  const auto q = random_values(kTokens * c.heads * c.dim, 1), k = random_values(kTokens * width, 2),
             v = random_values(kTokens * value_width, 3);
  std::vector<float> all;
  int64_t start = 0;
  for (const int n : chunks) {
    on.reset();
    const auto part = [&](const std::vector<float>& x, int64_t heads) {
      const auto row = std::ssize(x) / kTokens, at = start * row;
      return floats(on, {n, heads, row / heads}, {x.begin() + at, x.begin() + at + n * row});
    };
    const Span span{0, n};
    const StateView kr = ks.view({&span, 1}, {&start, 1});
    const StateView vr = c.shared ? StateView{} : vs.view({&span, 1}, {&start, 1});
    const Tensor y =
        on.attention(part(q, c.heads), part(k, c.key_heads), c.shared ? Tensor{} : part(v, c.key_heads), kr,
                     vr, {.scale = 0.2f, .window = c.window, .value_dim = c.value_dim});
    const auto some = values(on, y);
    all.insert(all.end(), some.begin(), some.end());
    start += n;
  }
  return all;
}

TEST_P(AttentionTest, EqualsTheOracle) {
  for (const Case& c : {Case{Format::f32, 4, 2, 32, 0, 0},
                        {Format::f16, 14, 2, 64, 0, 0},
                        {Format::bf16, 3, 3, 24, 0, 0},
                        {Format::f16, 4, 1, 256, 9, 0},
                        {Format::f32, 2, 1, 16, 70, 5},
                        {Format::f16, 80, 1, 16, 3, 1},
                        {Format::f16, 4, 2, 192, 0, 0, 128},
                        {Format::bf16, 6, 3, 24, 9, 2, 40},
                        {Format::f32, 2, 2, 17, 0, 0, 5},
                        {Format::f16, 5, 1, 576, 0, 0, 512, true},
                        {Format::f32, 140, 2, 20, 0, 0, 12, true},
                        {Format::bf16, 8, 1, 20, 5, 1, 20, true},
                        {Format::f16, 4, 1, 32, 0, 0, 0, true}}) {
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
    StateView kr = ks.view({&span, 1}, {&none, 1}), vr = vs.view({&span, 1}, {&none, 1});
    kr.simulated = vr.simulated = Format::bf16;
    const auto t = [&](int seed) { return floats(*chip, {9, 1, 32}, random_values(9 * 32, seed)); };
    y.push_back(values(*chip, chip->attention(t(1), t(2), t(3), kr, vr, {.scale = 1})));
  }
  for (size_t i = 0; i < y[0].size(); ++i) EXPECT_NEAR(y[0][i], y[1][i], 1e-5);
}

// The same sequences one by one, uncut, on one thread give the same bits.
TEST_P(AttentionTest, ChunksCompanyAndThreadsChangeNoBit) {
  for (const Case& c : {Case{Format::f16, 4, 2, 48, 0, 0, 32},
                        {Format::f16, 70, 1, 20, 0, 0, 16, true},
                        {Format::bf16, 4, 2, 24, 9, 3, 40},
                        {Format::f32, 4, 2, 40, 9, 3, 24, true}}) {
    const std::vector<std::vector<int>> chunks{{70, 1, 1, 65}, {1, 1, 90, 1}, {3, 20, 1, 1}};
    const Outcome want = run(*cpu({.threads = 1, .isa = GetParam()}), c, chunks);
    for (const bool eager : {false, true}) {
      const Outcome got = run(*cpu({.threads = 3, .isa = GetParam(), .eager = eager}), c, chunks);
      EXPECT_EQ(got.y, want.y);
      EXPECT_EQ(got.kept, want.kept);
    }
    const auto whole = run_one(*cpu({.threads = 2, .isa = GetParam()}), c, {100});
    for (const std::vector<int>& cut : {std::vector{1, 64, 2, 33}, {63, 37}}) {
      auto on = cpu({.threads = 2, .isa = GetParam()});
      EXPECT_EQ(run_one(*on, c, cut), whole) << "window " << c.window << ", dim " << c.dim;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isa, AttentionTest, testing::ValuesIn(cpu_isas()),
                         [](const auto& i) { return i.param; });

TEST(AttentionTest, TasksCoverEveryQueryAndFeedEveryThread) {
  for (const int64_t tokens : {1, 2, 5, 64, 500}) {
    for (const int64_t key_heads : {1, 2, 8}) {
      for (const int64_t group : {1, 2, 7, 16, 64, 128, 300}) {
        for (const int64_t threads : {1, 2, 16, 96}) {
          const TaskSplit s = split_tasks(tokens, key_heads, group, threads);
          EXPECT_GE(s.tokens, 1);
          EXPECT_LE(s.tokens * s.heads, kQueriesMax);
          EXPECT_GE(s.heads * s.parts, group);
          EXPECT_LT(s.heads * (s.parts - 1), group);  // no part is empty
          const int64_t parts = tokens * key_heads * s.parts;
          EXPECT_TRUE(s.heads == 1 || parts >= threads);  // otherwise a group is divided further
        }
      }
    }
  }
}

TEST(AttentionTest, ManyTokensShareAGroupOfHeads) {
  const TaskSplit s = split_tasks(512, 8, 4, 8);
  EXPECT_EQ(s.heads, 4);
  EXPECT_EQ(s.tokens, 16);
  EXPECT_EQ(s.parts, 1);
}

TEST(AttentionTest, RecordsThatCannotBeReadAreKnown) {
  const auto on = cpu({});
  for (const Format f : {Format::f32, Format::f16, Format::bf16}) EXPECT_TRUE(on->attends(f));
  for (const Format f : {Format::v4_kv584, Format::q8_0, Format::i32}) EXPECT_FALSE(on->attends(f));
}

}  // namespace
}  // namespace autark
