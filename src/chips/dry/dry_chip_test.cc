// Goal: the cost of experts counts the products of every row, and the bytes of the experts that a batch is
// expected to read, each once. Method: closed forms for one row, for many rows and for all experts.
#include <gtest/gtest.h>
#include <cmath>
#include <vector>
#include "chips/registry.h"

namespace autark {
namespace {

constexpr int kExperts = 64, kChosen = 6;

Cost cost_of(int64_t rows) {
  static std::vector<float> values(kExperts * 8 * 16);
  static std::vector<Part> parts(kExperts, {reinterpret_cast<const std::byte*>(values.data()), nullptr});
  const Weight up{Format::f32, {kExperts, 8, 16}, parts}, down{Format::f32, {kExperts, 16, 8}, parts};
  Cost cost;
  const auto dry = make_dry_chip(&cost);
  const Tensor x{nullptr, Format::f32, {rows, 16}};
  const Choice to{{nullptr, Format::i32, {rows, kChosen}}, {nullptr, Format::f32, {rows, kChosen}}};
  dry->moe(x, to, up, up, down);
  return cost;
}

constexpr double kBytesOfExpert = 3 * 8 * 16 * 4;

TEST(DryChip, OneRowReadsItsExperts) {
  EXPECT_DOUBLE_EQ(cost_of(1).weight_bytes, kChosen * kBytesOfExpert);
  EXPECT_DOUBLE_EQ(cost_of(1).flops, 2.0 * kChosen * 3 * 8 * 16);
}

TEST(DryChip, RowsShareExpertsAsIndependentChoicesDo) {
  for (const int rows : {2, 8, 100}) {
    const double distinct = kExperts * (1 - std::pow(1 - double(kChosen) / kExperts, rows));
    EXPECT_NEAR(cost_of(rows).weight_bytes, distinct * kBytesOfExpert, 1e-6 * kBytesOfExpert);
    EXPECT_DOUBLE_EQ(cost_of(rows).flops, rows * cost_of(1).flops);
  }
  EXPECT_LE(cost_of(10'000).weight_bytes, kExperts * kBytesOfExpert);
}

}  // namespace
}  // namespace autark
