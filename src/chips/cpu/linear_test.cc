// Goal: products are correct in every format, mode and ISA, and a row's bits depend only on the row. Method:
// exact sums of the decoded weights are the oracle. Float mode: within 2e-6 of the sum of absolute terms.
// Int8 mode: an input is off by at most half a step of its block of 32, so the sum is off by at most Σ_blocks
// max|x| / 254 · Σ|w| plus rounding. Official mode: the exact sums of the rounded inputs, block formats as in int8
// mode with two digits, 16,300 instead of 254. Bits: the same rows in batches of every size.
#include <algorithm>
#include <cmath>
#include <cstring>
#include "chips/cpu/isa.h"
#include "chips/cpu/prepare.h"
#include "chips/cpu/testing.h"
#include "tensor/minifloat.h"

namespace autark {
namespace {
using namespace cpu_testing;

struct Shapes {
  int64_t rows, in, out;
};

using Inputs = Rounding::Inputs;
constexpr Inputs kInputs[] = {Inputs::f32, Inputs::int8, Inputs::official};

// The weight with the rounding of inputs that a model declares for its format.
Weight official(const Weight& w, Round out = Round::none) {
  return w.rounded(w.format == Format::fp8_e4m3_b128x128 ? Round::e4m3_b128 : Round::bf16, out);
}

class LinearTest : public testing::TestWithParam<std::tuple<std::string, Format>> {
 protected:
  std::string isa() const { return std::get<0>(GetParam()); }
  Format format() const { return std::get<1>(GetParam()); }
};

// The largest error of an input as a share of the largest of its block: what int8 digits cannot say.
double step_of(Inputs inputs, bool blocks) {
  if (!blocks || inputs == Inputs::f32) return 0;
  return inputs == Inputs::int8 ? 1.0 / 254 : 1.0 / 16300;
}

void expect_products(Chip& on, double step, const Matrix& m, std::vector<float> x, int64_t rows) {
  const int64_t in = m.weight.cols(), out = m.weight.rows();
  const std::vector<float> bias = random_values(out, 5);
  const Weight weight = official(m.weight);
  const std::vector<float> y =
      values(on, on.linear(floats(on, {rows, in}, x), weight, Vector{bias.data(), {out}}));
  for (int64_t r = 0; r < rows && on.inputs() == Inputs::official; ++r)
    round(weight.in, {&x[r * in], static_cast<size_t>(in)});
  for (int64_t o = 0; o < out; ++o) {
    const std::vector<float> w = m.row(0, o);
    for (int64_t r = 0; r < rows; ++r) {
      double sum = bias[o], size = std::abs(bias[o]), bound = 0;
      for (int64_t b = 0; b < in; b += 32) {
        double top = 0, weights = 0;
        for (int64_t k = b; k < std::min(in, b + 32); ++k) {
          sum += double(w[k]) * x[r * in + k];
          size += std::abs(double(w[k]) * x[r * in + k]);
          top = std::max(top, std::abs(double(x[r * in + k])));
          weights += std::abs(w[k]);
        }
        bound += top * step * weights;
      }
      // K-quants and minima: the products' parts are larger than their sum.
      const double tolerance = 4e-6 * size + 1.001 * bound + 1e-6;
      ASSERT_NEAR(y[r * out + o], sum, tolerance) << "row " << r << " of " << rows << ", output " << o;
    }
  }
}

TEST_P(LinearTest, EqualsTheExactSums) {
  for (const Inputs inputs : kInputs) {
    auto on = cpu({.inputs = inputs, .threads = 2, .isa = isa()});
    ASSERT_TRUE(on);
    const bool blocks = fitting(format(), 1) > 1;
    for (const Shapes s : {Shapes{1, 64, 16}, {1, 96, 33}, {3, 256, 7}, {7, 640, 50}, {13, 544, 40}}) {
      const Matrix m(format(), s.out, fitting(format(), s.in - (blocks ? 0 : 3)), 11);
      expect_products(*on, step_of(inputs, blocks), m, random_values(s.rows * m.weight.cols(), 3), s.rows);
    }
  }
}

// Inputs of one size are codes of 127, and all weights but one of 16 have the largest code of their format, so sums of
// products in a few bits overflow if they ever do. No input is rounded, so the result is exact.
TEST_P(LinearTest, SumsOfTheLargestCodesDoNotOverflow) {
  const int64_t in = fitting(format(), 512), out = 20;
  if (format() == Format::e2m1_b32 || format() == Format::fp8_e4m3_b128x128) return;  // multiplied as floats
  if (format() == Format::int4_b32) return;  // its codes are those of q4_0
  Matrix m(format(), out, in, 11);
  std::vector<float> weights(in, 0.75f);
  for (int64_t i = 0; i < in; i += 16) weights[i] = -0.76f;
  for (int64_t o = 0; o < out; ++o)
    encode(format(), weights, m.codes[0].data() + o * row_bytes(format(), in));
  for (const Inputs inputs : {Inputs::int8, Inputs::official}) {
    auto on = cpu({.inputs = inputs, .threads = 2, .isa = isa()});
    for (const int64_t rows : {1, 2, 5, 7, 14}) {
      for (const float x : {1.f, -1.f}) expect_products(*on, 0, m, std::vector<float>(rows * in, x), rows);
    }
  }
}

TEST_P(LinearTest, ARowsBitsDoNotDependOnItsCompany) {
  const Matrix m(format(), 70, fitting(format(), 600), 17);
  const int64_t in = m.weight.cols(), rows = 27;
  const std::vector<float> x = random_values(rows * in, 19);
  const Weight weight = official(m.weight);
  for (const Inputs inputs : kInputs) {
    std::vector<float> alone;
    auto one = cpu({.inputs = inputs, .threads = 1, .isa = isa()});
    for (int64_t r = 0; r < rows; ++r) {
      const std::vector<float> row(&x[r * in], &x[r * in] + in);
      const auto y = values(*one, one->linear(floats(*one, {1, in}, row), weight));
      alone.insert(alone.end(), y.begin(), y.end());
    }
    for (const int threads : {1, 2, 3}) {
      auto on = cpu({.inputs = inputs, .threads = threads, .isa = isa(), .eager = threads == 3});
      for (int64_t n = 2; n <= rows; n += n < 8 ? 1 : 5) {
        const std::vector<float> part(x.begin(), x.begin() + n * in);
        const auto y = values(*on, on->linear(floats(*on, {n, in}, part), weight));
        ASSERT_TRUE(std::equal(y.begin(), y.end(), alone.begin())) << n << " rows, " << threads << " threads";
        on->reset();
      }
    }
  }
}

TEST_P(LinearTest, ManyRowsRunInSeveralPasses) {
  const Matrix m(format(), 20, fitting(format(), 32), 23);
  const int64_t in = m.weight.cols(), rows = 1100;
  const std::vector<float> x = random_values(rows * in, 29);
  const std::vector<float> tail(x.end() - 90 * in, x.end());
  const Weight weight = official(m.weight);
  for (const Inputs inputs : {Inputs::int8, Inputs::official}) {
    auto on = cpu({.inputs = inputs, .threads = 2, .isa = isa()});
    const auto all = values(*on, on->linear(floats(*on, {rows, in}, x), weight));
    const auto some = values(*on, on->linear(floats(*on, {90, in}, tail), weight));
    EXPECT_TRUE(std::equal(some.begin(), some.end(), all.end() - 90 * 20));
  }
}

TEST_P(LinearTest, FfnIsItsThreeProducts) {
  const int64_t in = fitting(format(), 96), inner = fitting(format(), 544);
  const Matrix g(format(), inner, in, 31), u(format(), inner, in, 37), d(format(), 50, inner, 41);
  for (const Inputs inputs : {Inputs::f32, Inputs::int8}) {
    auto on = cpu({.inputs = inputs, .threads = 2, .isa = isa()});
    for (const int64_t rows : {1, 5, 8}) {
      const Tensor x = floats(*on, {rows, in}, random_values(rows * in, 43));
      const auto fused = values(*on, on->ffn(x, g.weight, u.weight, d.weight, Act::gelu_tanh, 3));
      const auto apart = values(*on, on->Chip::ffn(x, g.weight, u.weight, d.weight, Act::gelu_tanh, 3));
      EXPECT_EQ(fused, apart) << rows << " rows";
    }
  }
}

// So many rows go in passes of whole tiles; the last pass has few rows, in tiles as high as the others.
TEST_P(LinearTest, FewRowsMayEndAnFfnOfMany) {
  const int64_t in = fitting(format(), 32), inner = fitting(format(), 64);
  const Matrix g(format(), inner, in, 31), u(format(), inner, in, 37), d(format(), 17, inner, 41);
  auto on = cpu({.inputs = Inputs::int8, .threads = 2, .isa = isa()});
  for (const int64_t rows : {1026, 1028, 1031}) {
    const Tensor x = floats(*on, {rows, in}, random_values(rows * in, 43));
    const auto fused = values(*on, on->ffn(x, g.weight, u.weight, d.weight, Act::silu));
    const auto apart = values(*on, on->Chip::ffn(x, g.weight, u.weight, d.weight, Act::silu));
    EXPECT_EQ(fused, apart) << rows << " rows";
  }
}

// A group of channels of another length than whole blocks takes floats.
// What the two digits of official inputs may change in output `o` of a group, for inputs of at most 5.
double digits_bound(const Matrix& m, int64_t group, int64_t o) {
  double weights = 0;
  for (const float w : m.row(group, o)) weights += std::abs(w);
  return takes_rounded(kind_of(m.weight.format)) ? 5 * weights / 16300 : 0;
}

TEST_P(LinearTest, OfficialProductsAreThoseOfTheOracle) {
  auto on = cpu({.inputs = Inputs::official, .threads = 2, .isa = isa()}),
       ref = std::move(*make_chip("ref", {.inputs = Inputs::official}));
  for (const int64_t in : {200, 384}) {
    const Matrix m(format(), 3, 50, fitting(format(), in), 47);
    const int64_t wide = 3 * m.weight.cols();
    for (const int64_t rows : {1, 2, 9, 30}) {
      const std::vector<float> x = random_values(rows * wide, 53);
      const auto run = [&](Chip& chip, Round how) {
        const Weight w = m.weight.rounded(how, Round::none);
        const Tensor all = floats(chip, {rows, wide}, x);
        return values(chip, chip.grouped_linear(all, w));
      };
      for (const Round how : {Round::bf16, Round::e4m3_b128}) {
        const auto got = run(*on, how), want = run(*ref, how);
        for (int64_t i = 0; i < std::ssize(want); ++i)
          ASSERT_NEAR(got[i], want[i], 1e-4 + digits_bound(m, i / 50 % 3, i % 50)) << rows << " rows";
      }
    }
  }
}

TEST_P(LinearTest, OfficialOutputsAreRoundedProducts) {
  const Matrix m(format(), 70, fitting(format(), 256), 59);
  const int64_t in = m.weight.cols();
  auto on = cpu({.inputs = Inputs::official, .threads = 2, .isa = isa()});
  for (const int64_t rows : {1, 7, 40}) {
    const Tensor x = floats(*on, {rows, in}, random_values(rows * in, 61));
    std::vector<float> want = values(*on, on->linear(x, official(m.weight)));
    round(Round::bf16, want);
    EXPECT_EQ(values(*on, on->linear(x, official(m.weight, Round::bf16))), want) << rows << " rows";
  }
}

std::string name(const testing::TestParamInfo<std::tuple<std::string, Format>>& i) {
  return std::get<0>(i.param) + "_" + name_of(std::get<1>(i.param));
}
INSTANTIATE_TEST_SUITE_P(Cpu, LinearTest,
                         testing::Combine(testing::ValuesIn(cpu_isas()), testing::ValuesIn(kFormats)), name);

// 448 and another number in a block: their sum, where the weights are 1.
TEST(LinearTest, TwoDigitsHoldWhatE4m3Says) {
  constexpr int64_t kIn = 32;
  Matrix ones(Format::e2m1_b32, 16, kIn, 1);
  std::ranges::fill(ones.codes[0], std::byte{0x22});
  std::ranges::fill(ones.scales[0], std::byte{127});
  std::vector<float> x, sums;
  for (int code = 0; code < 256; ++code) {
    const float other = decode_e4m3(static_cast<uint8_t>(code));
    if (!(std::abs(other) >= 448.f / 1024)) continue;  // smaller ones are rounded
    x.resize(x.size() + kIn);
    x[x.size() - kIn] = 448, x[x.size() - 5] = other;
    sums.push_back(448 + other);
  }
  const auto rows = static_cast<int64_t>(sums.size());
  for (const std::string& isa : cpu_isas()) {
    auto on = cpu({.inputs = Rounding::Inputs::official, .isa = isa});
    const std::vector<float> y = values(*on, on->linear(floats(*on, {rows, kIn}, x), ones.weight));
    for (size_t i = 0; i < y.size(); ++i) ASSERT_EQ(y[i], sums[i / 16]) << isa << ", row " << i / 16;
  }
}

// Rows that ask much of two digits: numbers of one size, single large ones, very small and very large ones.
std::vector<std::vector<float>> rows_for_digits(int64_t n) {
  std::vector<std::vector<float>> rows{random_values(n, 67), std::vector<float>(n, 255),
                                       std::vector<float>(n, 0)};
  rows.push_back(rows[0]);
  rows[3][n / 2] = 1e5f;
  for (const float scale : {1e-30f, 1e-20f, 1e20f, 1e30f}) {
    rows.push_back(rows[0]);
    for (float& v : rows.back()) v *= scale;
  }
  for (std::vector<float>& r : rows) round(Round::bf16, r);
  return rows;
}

// Two digits, as one number each, have magnitudes of at most 2^17 in sum for a block, and hold_in_digits says what they
// hold; the error is at most 2^-12 of the run's largest, or what remains of runs below 2^-80.
TEST(LinearTest, TwoDigitsSayWhatIsHeld) {
  constexpr int64_t kIn = 352;
  for (const std::string& isa : cpu_isas()) {
    const Kernels& k = **kernels_for(isa);
    for (const std::vector<float>& x : rows_for_digits(kIn)) {
      std::vector<RoundedBlock> blocks(2 * kIn / kBlock);
      std::vector<float> held(kIn);
      k.round_two_digits(x.data(), kIn, blocks.data(), 1, kIn / kBlock);
      k.hold_in_digits(x.data(), kIn, held.data());
      for (int64_t b = 0; b < kIn / kBlock; ++b) {
        int32_t sum = 0;
        for (int64_t i = 0; i < kBlock; ++i) {
          const int32_t digits = 128 * blocks[b].code[i] + blocks[b + kIn / kBlock].code[i];
          const float value = x[b * kBlock + i], run = blocks[b].scale;
          sum += std::abs(digits);
          EXPECT_EQ(held[b * kBlock + i], static_cast<float>(digits) * run) << isa;
          EXPECT_LE(std::abs(static_cast<double>(held[b * kBlock + i]) - value), run / 2) << isa;
        }
        EXPECT_LE(sum, 1 << 17) << isa;
      }
      for (int64_t at = 0; at < kIn; at += kTileSide) {
        float top = 0x1p-80f;
        for (int64_t i = at; i < std::min(kIn, at + kTileSide); ++i) top = std::max(top, std::abs(x[i]));
        EXPECT_LE(blocks[at / kBlock].scale, top / 2048) << isa;
      }
    }
  }
}

// One row of 1 at input k and 0 elsewhere for each k: its products are the weights of that input.
std::vector<float> unit_rows(int64_t rows, int64_t in) {
  std::vector<float> x(rows * in);
  for (int64_t r = 0; r < rows; ++r) x[r * in + r] = 1;
  return x;
}

void expect_weights(const Matrix& m, const std::string& isa, Inputs inputs) {
  const int64_t out = m.weight.rows(), in = m.weight.cols();
  auto on = cpu({.inputs = inputs, .threads = 2, .isa = isa});
  for (const int64_t rows : {1, 6, 9, 40, 160}) {
    const std::vector<float> y =
        values(*on, on->linear(floats(*on, {rows, in}, unit_rows(rows, in)), official(m.weight)));
    for (int64_t o = 0; o < out; ++o) {
      const std::vector<float> w = m.row(0, o);
      for (int64_t r = 0; r < rows; ++r) ASSERT_EQ(y[r * out + o], w[r]) << isa << ", " << rows << " rows";
    }
  }
}

TEST(LinearTest, EveryCodeOfSmallFloatsIsExact) {
  constexpr int64_t kOut = 256, kIn = 160;
  for (const Format f : {Format::fp8_e4m3_b128x128, Format::e2m1_b32}) {
    Matrix m(f, kOut, kIn, 1);
    for (size_t i = 0; i < m.codes[0].size(); ++i) {
      const auto code = static_cast<uint8_t>(i * 7 + i / 256);
      const bool nan = f == Format::fp8_e4m3_b128x128 && (code & 0x7f) == 0x7f;
      m.codes[0][i] = std::byte{nan ? uint8_t{0} : code};
    }
    for (size_t i = 0; i < m.scales[0].size(); ++i) m.scales[0][i] = static_cast<std::byte>(60 + i % 120);
    for (const std::string& isa : cpu_isas()) {
      for (const Inputs inputs : {Inputs::f32, Inputs::official}) expect_weights(m, isa, inputs);
    }
  }
}

// Also with scales that f16 does not have.
TEST(LinearTest, EveryInt4CodeIsExact) {
  Matrix m(Format::int4_b32, 256, 160, 1);
  for (size_t i = 0; i < m.codes[0].size(); ++i) m.codes[0][i] = static_cast<std::byte>(i * 7 + i / 256);
  for (size_t i = 0; i < m.scales[0].size(); i += 2) {
    const auto scale = static_cast<uint16_t>(0x2800 + i * 37 % 0x2000 + i % 4 / 2 * 0x8000);  // 2^-47 to 2^16
    std::memcpy(&m.scales[0][i], &scale, 2);
  }
  for (const std::string& isa : cpu_isas()) {
    for (const Inputs inputs : {Inputs::f32, Inputs::official}) expect_weights(m, isa, inputs);
  }
}

template <class Bad>
void expect_nan_where(const Matrix& m, const std::string& isa, Inputs inputs, Bad bad) {
  const int64_t out = m.weight.rows(), in = m.weight.cols();
  auto on = cpu({.inputs = inputs, .threads = 2, .isa = isa});
  for (const int64_t rows : {1, 20}) {
    const Tensor x = floats(*on, {rows, in}, random_values(rows * in, 2));
    const std::vector<float> y = values(*on, on->linear(x, official(m.weight)));
    for (size_t i = 0; i < y.size(); ++i) {
      const int64_t o = static_cast<int64_t>(i) % out;
      EXPECT_EQ(std::isnan(y[i]), bad(o)) << isa << ", output " << o;
    }
  }
}

TEST(LinearTest, NotANumberAmongWeightsStaysWhereItIs) {
  constexpr int64_t kOut = 140, kIn = 256;
  for (const bool in_scale : {false, true}) {
    Matrix m(Format::fp8_e4m3_b128x128, kOut, kIn, 1);
    if (in_scale)
      m.scales[0][3] = std::byte{255};  // the second tile of both: outputs and inputs from 128 on
    else
      m.codes[0][7 * kIn + 200] = std::byte{0xff};
    const auto bad = [in_scale](int64_t output) { return in_scale ? output >= 128 : output == 7; };
    for (const std::string& isa : cpu_isas()) {
      for (const Inputs inputs : {Inputs::int8, Inputs::official}) expect_nan_where(m, isa, inputs, bad);
    }
  }
}

// A NaN input stays in its row, also with a weight of zero, and outputs of other rows stay numbers.
TEST(LinearTest, NotANumberInAnOfficialRowStaysThere) {
  for (const Format f : {Format::fp8_e4m3_b128x128, Format::bf16}) {
    const Matrix m(f, 40, 333, 1);
    for (const std::string& isa : cpu_isas()) {
      auto on = cpu({.inputs = Inputs::official, .isa = isa});
      for (const int64_t rows : {1, 3, 20}) {
        std::vector<float> x = random_values(rows * 333, 2);
        x[332] = NAN;
        const std::vector<float> y = values(*on, on->linear(floats(*on, {rows, 333}, x), official(m.weight)));
        for (size_t i = 0; i < y.size(); ++i) EXPECT_EQ(std::isnan(y[i]), i < 40) << isa << ", value " << i;
      }
    }
  }
}

TEST(LinearTest, NotANumberInGivesNotANumberOut) {
  const Matrix m(Format::q8_0, 16, 64, 1);
  for (const std::string& isa : cpu_isas()) {
    for (const auto inputs : {Rounding::Inputs::int8, Rounding::Inputs::official}) {
      auto on = cpu({.inputs = inputs, .isa = isa});
      for (const float bad : {NAN, INFINITY, -INFINITY}) {
        std::vector<float> x = random_values(64, 2);
        x[40] = bad;
        for (const float v : values(*on, on->linear(floats(*on, {1, 64}, x), m.weight)))
          EXPECT_TRUE(std::isnan(v));
      }
      for (const float v : values(*on, on->linear(floats(*on, {1, 64}, std::vector<float>(64)), m.weight)))
        EXPECT_EQ(v, 0);
    }
  }
}

}  // namespace
}  // namespace autark
