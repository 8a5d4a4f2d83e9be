// Goal: grouped_linear is one product per group, on every chip and instruction set. Method: sums in double
// precision, and the same products one by one, which must give the same bits.
#include <gtest/gtest.h>
#include <cmath>
#include <random>
#include "chips/testing.h"

namespace autark {
namespace {

struct Groups {  // random matrices of one format
  Groups(Format f, int64_t groups, int64_t out, int64_t in) {
    std::mt19937 gen(7);
    std::normal_distribution<float> normal;
    std::vector<float> row(in);
    codes.resize(groups * out * row_bytes(f, in));
    for (int64_t r = 0; r < groups * out; ++r) {
      for (float& v : row) v = normal(gen);
      encode(f, row, codes.data() + r * row_bytes(f, in));
    }
    for (int64_t g = 0; g < groups; ++g) parts.push_back({codes.data() + g * out * row_bytes(f, in)});
    weight = {f, {groups, out, in}, parts};
  }
  std::vector<std::byte> codes;
  std::vector<Part> parts;
  Weight weight;
};

Tensor random(Chip& on, Shape s) {
  std::mt19937 gen(9);
  std::normal_distribution<float> normal;
  Tensor x = on.scratch(s);
  for (int64_t i = 0; i < s.numel(); ++i) x.f32()[i] = normal(gen);
  return x;
}

class GroupedLinearTest : public ::testing::TestWithParam<std::string> {};

TEST_P(GroupedLinearTest, EqualsTheSums) {
  const auto on = chip_at(GetParam());
  for (const Shape s : {Shape{3, 2, 5}, {4, 17, 40}, {1, 33, 64}, {7, 12, 20}}) {
    const Groups w(Format::f32, s[0], s[1], s[2]);
    for (const int64_t rows : {1, 4, 9}) {
      const Tensor x = random(*on, {rows, s[0] * s[2]}), y = on->grouped_linear(x, w.weight);
      on->wait();
      ASSERT_EQ(y.shape, (Shape{rows, s[0] * s[1]}));
      std::vector<float> row(s[2]);
      for (int64_t o = 0; o < s[0] * s[1]; ++o) {
        decode_row(w.weight.expert(o / s[1]), o % s[1], row);
        for (int64_t t = 0; t < rows; ++t) {
          double sum = 0;
          for (int64_t c = 0; c < s[2]; ++c) sum += double(x.row(t)[o / s[1] * s[2] + c]) * row[c];
          ASSERT_NEAR(y.row(t)[o], sum, 1e-5) << o;
        }
      }
    }
    on->reset();
  }
}

TEST_P(GroupedLinearTest, EqualsTheProductsOneByOne) {
  using Inputs = Rounding::Inputs;
  for (const Inputs inputs : {Inputs::f32, Inputs::int8, Inputs::official}) {
    if (GetParam() == "ref" && inputs == Inputs::int8) continue;
    for (const Format f : {Format::f32, Format::bf16, Format::q8_0}) {
      const auto on = chip_at(GetParam(), {.inputs = inputs, .threads = 3});
      const Groups w(f, 5, 40, 96);
      const Weight weight = w.weight.rounded(Round::bf16, Round::bf16);
      for (const int64_t rows : {1, 3, 8, 29}) {
        const Tensor x = random(*on, {rows, 5 * 96}), y = on->grouped_linear(x, weight),
                     z = on->Chip::grouped_linear(x, weight);
        on->wait();
        for (int64_t i = 0; i < y.shape.numel(); ++i) ASSERT_EQ(y.f32()[i], z.f32()[i]) << rows << " rows";
        on->reset();
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Places, GroupedLinearTest, ::testing::ValuesIn(places()),
                         [](const auto& place) { return place.param; });

}  // namespace
}  // namespace autark
