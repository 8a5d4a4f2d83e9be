// Goal: a run of MXFP4 (run_scales-inl.h) is a sum of integers that is rounded once; where its scales are too far apart, its
// blocks are rounded alone; zeros have no say in that. Method: products with inputs that two digits hold, against sums
// in double, on every ISA, with few and many rows.
#include <algorithm>
#include <cmath>
#include "chips/cpu/isa.h"
#include "chips/cpu/testing.h"

namespace autark {
namespace {
using namespace cpu_testing;

constexpr int64_t kOut = 20, kIn = 288, kBlockBytes = 17;  // a scale and 32 codes; two runs and a block

class RunsTest : public testing::TestWithParam<std::string> {
 protected:
  // Sets the scale of block b in row o.
  static void scale(Matrix& m, int64_t o, int64_t b, int code) {
    m.codes[0][(o * kIn / 32 + b) * kBlockBytes] = std::byte(code);
  }
  static void clear(Matrix& m, int64_t o, int64_t b) {
    std::fill_n(m.codes[0].begin() + (o * kIn / 32 + b) * kBlockBytes + 1, kBlockBytes - 1, std::byte{0});
  }
  std::vector<float> product(const Matrix& m, const std::vector<float>& x) const {
    const int64_t rows = std::ssize(x) / kIn;
    auto on = cpu({.inputs = Rounding::Inputs::official, .threads = 2, .isa = GetParam()});
    return values(*on, on->linear(floats(*on, {rows, kIn}, x), m.weight));
  }
};

// Whole numbers up to 100 are held exactly.
std::vector<float> whole_numbers(int64_t n) {
  std::vector<float> x = random_values(n, 3);
  for (float& v : x) v = std::round(30 * std::clamp(v, -3.f, 3.f));
  return x;
}

TEST_P(RunsTest, EqualTheExactSums) {
  Matrix m(Format::mxfp4, kOut, kIn, 7);
  for (int64_t o = 0; o < kOut; ++o) {
    for (int64_t b = 0; b < kIn / 32; ++b) {
      // The first run has distances up to 3, the second one of 4 in one row, the last block is extreme in another.
      const int64_t step = b < 4 ? (o + b) % 4 : o == 5 && b == 6 ? 4 : b % 2;
      scale(m, o, b, static_cast<int>(b == 8 && o == 17 ? 200 : 120 + step));
    }
  }
  for (const int64_t rows : {1, 2, 5, 8, 13, 16, 41}) {
    const std::vector<float> x = whole_numbers(rows * kIn), y = product(m, x);
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t o = 0; o < kOut; ++o) {
        const std::vector<float> w = m.row(0, o);
        double sum = 0, size = 0;
        for (int64_t i = 0; i < kIn; ++i)
          sum += double{w[i]} * x[r * kIn + i], size += std::abs(double{w[i]} * x[r * kIn + i]);
        ASSERT_NEAR(y[r * kOut + o], sum, 2e-7 * size) << rows << " rows, output " << o;
      }
    }
  }
}

TEST_P(RunsTest, ScalesOfZerosDoNotMatter) {
  Matrix near(Format::mxfp4, kOut, kIn, 7), far(Format::mxfp4, kOut, kIn, 7);
  for (int64_t o = 0; o < kOut; ++o) {
    const int64_t b = o % (kIn / 32);
    for (Matrix* m : {&near, &far}) clear(*m, o, b);
    scale(near, o, b, 126);
    scale(far, o, b, o % 2 ? 0 : 254);
  }
  for (const int64_t rows : {1, 7, 30}) {
    const std::vector<float> x = random_values(rows * kIn, 11);
    EXPECT_EQ(product(near, x), product(far, x)) << rows << " rows";
  }
}

// A block of zeros with the code that is no number stays no number.
TEST_P(RunsTest, NoNumberStaysNone) {
  Matrix m(Format::mxfp4, kOut, kIn, 7);
  scale(m, 3, 2, 255);
  for (const int64_t rows : {1, 30}) {
    const std::vector<float> y = product(m, random_values(rows * kIn, 13));
    for (int64_t r = 0; r < rows; ++r) {
      EXPECT_FALSE(std::isfinite(y[r * kOut + 3]));
      EXPECT_TRUE(std::isfinite(y[r * kOut + 4]));
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, RunsTest, testing::ValuesIn(cpu_isas()), [](const auto& i) { return i.param; });

}  // namespace
}  // namespace autark
