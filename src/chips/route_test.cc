// Goal: route chooses and weighs as its equations say, on every chip and instruction set. Method: random rows
// of every kind of routing against double precision and a full sort; ties, groups, margins and masks by hand.
#include <gtest/gtest.h>
#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include "chips/registry.h"
#include "chips/testing.h"

namespace autark {
namespace {

using Score = Routing::Score;

class RouteTest : public ::testing::TestWithParam<std::string> {
 protected:
  RouteTest() : chip_(chip_at(GetParam())) {}
  Tensor make(Shape s, const std::vector<float>& x) {
    Tensor t = chip_->scratch(s);
    std::ranges::copy(x, t.f32());
    return t;
  }
  std::vector<int32_t> ids(const Choice& c) const { return {c.ids.i32(), c.ids.i32() + c.ids.shape.numel()}; }
  std::unique_ptr<Chip> chip_;
};

struct Row {  // what the equations say
  std::vector<int32_t> ids;
  std::vector<double> weights;
  double margin = INFINITY;
};

std::vector<double> scores(Score score, std::span<const float> logits) {
  std::vector<double> p;
  double sum = 0;
  const double top = *std::ranges::max_element(logits);
  for (const double z : logits) {
    p.push_back(score == Score::softmax   ? std::exp(z - top)
                : score == Score::sigmoid ? 1 / (1 + std::exp(-z))
                                          : std::sqrt(std::log1p(std::exp(z))));
    sum += p.back();
  }
  for (double& v : p) v /= score == Score::softmax ? sum : 1;
  return p;
}

void mask(const Routing& how, std::vector<double>& t) {
  const int64_t each = std::ssize(t) / how.groups;
  std::vector<std::pair<double, int>> groups;
  for (int g = 0; g < how.groups; ++g) {
    std::vector<double> own(t.begin() + g * each, t.begin() + (g + 1) * each);
    std::ranges::sort(own, std::greater());
    groups.emplace_back(-(own[0] + (each > 1 ? own[1] : 0)), g);
  }
  std::ranges::sort(groups);
  for (int i = how.groups_kept; i < how.groups; ++i)
    std::fill_n(t.begin() + groups[i].second * each, each, -INFINITY);
}

Row routed(const Routing& how, std::span<const float> logits, std::span<const float> bias) {
  const std::vector<double> p = scores(how.score, logits);
  std::vector<double> t = p;
  for (size_t e = 0; e < bias.size(); ++e) t[e] += bias[e];
  mask(how, t);
  Row row;
  row.ids.resize(p.size());
  std::iota(row.ids.begin(), row.ids.end(), 0);
  std::ranges::stable_sort(row.ids, [&](int a, int b) { return t[a] > t[b]; });
  if (std::ssize(p) > how.k) row.margin = t[row.ids[how.k - 1]] - t[row.ids[how.k]];
  row.ids.resize(how.k);
  double sum = 0;
  for (const int e : row.ids) sum += p[e];
  sum = how.renormalise ? std::max<double>(sum, how.sum_least) : 1;
  for (const int e : row.ids) row.weights.push_back(p[e] / sum * how.scale);
  return row;
}

Routing random_routing(std::mt19937& gen, int64_t experts) {
  const auto below = [&](int n) { return int(gen() % n); };
  Routing how{.score = Score(below(3)), .renormalise = below(2) == 0, .scale = below(2) ? 2.5f : 1.f};
  while (experts % (how.groups = 1 + below(8)) != 0) {
  }
  how.groups_kept = 1 + below(how.groups);
  how.k = 1 + below(int(experts) / how.groups * how.groups_kept);
  if (below(3) == 0) how.sum_least = below(2) ? 1e-12f : 2.f;
  return how;
}

void expect_margin(float got, double want) {
  if (std::isfinite(want)) {
    EXPECT_NEAR(got, want, 1e-5 * (1 + want));
  } else {
    EXPECT_EQ(got, INFINITY);
  }
}

TEST_P(RouteTest, RandomRowsFollowTheEquations) {
  std::mt19937 gen(11);
  std::normal_distribution<float> normal(0, 3);
  for (int round = 0; round < 200; ++round) {
    const int64_t experts = 8 + int64_t(gen() % 120), rows = 1 + int64_t(gen() % 9);
    const Routing how = random_routing(gen, experts);
    std::vector<float> logits(rows * experts), bias(gen() % 2 ? experts : 0);
    for (float& v : logits) v = normal(gen);
    for (float& v : bias) v = normal(gen);
    Tensor margin;
    const Choice got =
        chip_->route(make({rows, experts}, logits), bias.empty() ? Vector{} : Vector{bias.data(), {experts}},
                     {}, how, &margin);
    chip_->wait();
    for (int64_t r = 0; r < rows; ++r) {
      const Row want = routed(how, {&logits[r * experts], size_t(experts)}, bias);
      const std::span<const int32_t> ids(got.ids.i32() + r * how.k, how.k);
      if (want.margin > 1e-5) {  // otherwise float32 may order them differently
        ASSERT_TRUE(std::ranges::is_permutation(ids, want.ids)) << round;
        const bool by_logits = how.score == Score::softmax && bias.empty() && how.groups_kept == how.groups;
        if (!by_logits) expect_margin(margin.f32()[r], want.margin);
      }
      for (int j = 0; j < how.k && std::ranges::equal(ids, want.ids); ++j)
        ASSERT_NEAR(got.weights.row(r)[j], want.weights[j], 2e-6 * (1 + want.weights[j])) << round;
    }
    chip_->reset();
  }
}

TEST_P(RouteTest, TiesGoToTheLowerExpertAndTheLowerGroup) {
  const Tensor logits = make({1, 8}, {0, 1, 1, 0, 1, 1, 1, 1});
  const Choice plain = chip_->route(logits, {}, {}, {.k = 3}),
               sigmoid = chip_->route(logits, {}, {}, {.score = Score::sigmoid, .k = 7}),
               grouped = chip_->route(logits, {}, {},
                                      {.score = Score::sigmoid, .k = 3, .groups = 4, .groups_kept = 2}),
               half = chip_->route(logits, {}, {},
                                   {.score = Score::sigmoid, .k = 2, .groups = 2, .groups_kept = 1});
  chip_->wait();
  EXPECT_EQ(ids(plain), (std::vector<int32_t>{1, 2, 4}));
  EXPECT_EQ(ids(sigmoid), (std::vector<int32_t>{1, 2, 4, 5, 6, 7, 0}));
  EXPECT_EQ(ids(grouped), (std::vector<int32_t>{4, 5, 6}));
  EXPECT_EQ(ids(half), (std::vector<int32_t>{1, 2}));  // the two best of both groups have equal sums
}

// A mask of zero instead of −∞ would choose from the masked group here, because all kept values are negative.
TEST_P(RouteTest, GroupsThatAreNotKeptAreOutOfTheQuestion) {
  const Tensor logits = make({1, 4}, {0, 0, 5, -5});
  const float bias[] = {-3, -3, -8, -1};
  const Choice c = chip_->route(logits, Vector{bias, {4}}, {},
                                {.score = Score::sigmoid, .k = 2, .groups = 2, .groups_kept = 1});
  chip_->wait();  // groups: −2.5 − 2.5 against −7.0 − 1.0
  EXPECT_EQ(ids(c), (std::vector<int32_t>{0, 1}));
}

// A group is ranked by the sum of its two best, not by its best.
TEST_P(RouteTest, AGroupsScoreIsTheSumOfItsTwoBest) {
  const Tensor logits = make({1, 6}, {4, -9, -9, 1, 1, -9});
  const Choice c =
      chip_->route(logits, {}, {}, {.score = Score::sigmoid, .k = 2, .groups = 2, .groups_kept = 1});
  chip_->wait();
  EXPECT_EQ(ids(c), (std::vector<int32_t>{3, 4}));
}

// Values computed for DeepSeek-V4: s = √softplus(z).
TEST_P(RouteTest, ABiasChoosesButDoesNotWeigh) {
  const float s[] = {0.0819472f, 0.8325546f, 1.7460204f, 5.f};
  const Tensor logits = make({1, 4}, {-5, 0, 3, 25});
  const Routing how{.score = Score::sqrt_softplus, .k = 2, .renormalise = true, .scale = 1.5f};
  Tensor fixed = chip_->scratch({1, 2}, Format::i32);
  fixed.i32()[0] = 3, fixed.i32()[1] = 1;
  const float bias[] = {10, 0, 4, 0};
  const Choice biased = chip_->route(logits, Vector{bias, {4}}, {}, how),
               by_token = chip_->route(logits, {}, fixed, how);
  chip_->wait();
  EXPECT_EQ(ids(biased), (std::vector<int32_t>{0, 2}));
  EXPECT_NEAR(biased.weights.f32()[1], 1.5 * s[2] / (s[0] + s[2]), 1e-6);
  EXPECT_EQ(ids(by_token), (std::vector<int32_t>{3, 1}));
  EXPECT_NEAR(by_token.weights.f32()[0], 1.5 * s[3] / (s[3] + s[1]), 1e-6);
}

TEST_P(RouteTest, MarginsAreWhatTheLastIsAheadOfTheNext) {
  const Tensor logits = make({1, 4}, {0, 25, 50, 75});
  const float ones[] = {1, 1, 1, 1};
  const Vector bias{ones, {4}};
  Tensor fixed = chip_->scratch({1, 2}, Format::i32), margins[4];
  fixed.i32()[0] = 3, fixed.i32()[1] = 1;
  const Routing two{.score = Score::sqrt_softplus, .k = 2}, four{.score = Score::sqrt_softplus, .k = 4};
  const Choice some = chip_->route(logits, bias, {}, two, &margins[0]),
               all = chip_->route(logits, bias, {}, four, &margins[1]),
               by_token = chip_->route(logits, {}, fixed, two, &margins[2]),
               by_logits = chip_->route(logits, {}, {}, {.k = 2}, &margins[3]);
  chip_->wait();
  EXPECT_EQ(ids(some), (std::vector<int32_t>{3, 2}));
  EXPECT_NEAR(margins[0].f32()[0], std::sqrt(50) - 5, 1e-6);
  EXPECT_EQ(ids(all), (std::vector<int32_t>{3, 2, 1, 0}));
  EXPECT_EQ(margins[1].f32()[0], INFINITY);  // there is no next expert
  EXPECT_EQ(margins[2].f32()[0], INFINITY);
  EXPECT_EQ(ids(by_token), (std::vector<int32_t>{3, 1}));
  EXPECT_EQ(margins[3].f32()[0], 25);
  EXPECT_EQ(ids(by_logits), ids(some));
}

// exp of the unshifted logits would overflow, and the sum of tiny sigmoids would underflow.
TEST_P(RouteTest, LogitsFarOutKeepTheirMeaning) {
  const Choice far = chip_->route(make({1, 3}, {1000, 999, -1000}), {}, {}, {.k = 2, .renormalise = true}),
               tiny =
                   chip_->route(make({1, 3}, {-60, -60, -70}), {}, {},
                                {.score = Score::sigmoid, .k = 2, .renormalise = true, .sum_least = 1e-20f});
  chip_->wait();
  EXPECT_NEAR(far.weights.f32()[0], 1 / (1 + std::exp(-1.0)), 1e-6);
  EXPECT_NEAR(tiny.weights.f32()[0], std::exp(-60.0) / 1e-20, 1e-9);
}

// NaN is never preferred, and every id is that of an expert.
TEST_P(RouteTest, NotANumberComesLast) {
  const float nan = NAN;
  const Choice some = chip_->route(make({1, 4}, {nan, 1, nan, 2}), {}, {}, {.k = 3}),
               none = chip_->route(make({1, 4}, {nan, nan, nan, nan}), {}, {},
                                   {.score = Score::sigmoid, .k = 2, .groups = 2, .groups_kept = 1});
  chip_->wait();
  EXPECT_EQ(ids(some), (std::vector<int32_t>{3, 1, 0}));
  EXPECT_EQ(ids(none), (std::vector<int32_t>{0, 1}));
}

INSTANTIATE_TEST_SUITE_P(Places, RouteTest, ::testing::ValuesIn(places()),
                         [](const auto& place) { return place.param; });

}  // namespace
}  // namespace autark
