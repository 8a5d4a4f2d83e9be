// Goal: products by tiles have the bits of the same ISA's other products, for every block format, number of rows and
// verb; those of FP8 and BF16 weights, which tiles add in an order of their own, have the same bits for every number of
// rows. Method: the ISA itself is the oracle, bit for bit; tiles are modelled (tiles.h), and where the machine has
// AMX, its own as well. Shapes have odd panels, last groups of blocks, last rows and several passes.
#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include "chips/cpu/isa.h"
#include "chips/cpu/testing.h"

namespace autark {

// tile_model_test_<isa>.cc: an ISA with products of many rounded rows by tiles that are modelled in C++. The
// processor must have the ISA.
const Kernels& tile_model_generic();
#if defined(__x86_64__)
const Kernels& tile_model_avx2();
const Kernels& tile_model_avx512();
#endif

namespace {
using namespace cpu_testing;

struct Pair {
  std::string tiles, plain;
};

Pair pair_of(const std::string& isa) {
  if (isa == "amx") return {isa, "avx512"};
  const Kernels* k = &tile_model_generic();
#if defined(__x86_64__)
  if (isa == "avx2") k = &tile_model_avx2();
  if (isa == "avx512") k = &tile_model_avx512();
#endif
  add_kernels(*k);
  return {k->isa, isa};
}

const std::vector<Pair>& pairs() {
  static const std::vector<Pair> all = [] {
    std::vector<Pair> made;
    for (const std::string& isa : cpu_isas()) made.push_back(pair_of(isa));
    return made;
  }();
  return all;
}

// One digit, two, and two of what official code rounds to, which tiles may take as bf16 values.
struct Mode {
  Rounding::Inputs inputs;
  Round in;
};
constexpr Mode kModes[] = {{Rounding::Inputs::int8, Round::none},
                           {Rounding::Inputs::official, Round::none},
                           {Rounding::Inputs::official, Round::bf16},
                           {Rounding::Inputs::official, Round::e4m3_b128}};

std::unique_ptr<Chip> rounding_cpu(Rounding::Inputs inputs, const std::string& isa, int threads = 1) {
  return cpu({.inputs = inputs, .threads = threads, .isa = isa});
}

// All NaNs are alike: which of two a sum keeps is the compiler's choice.
std::vector<uint32_t> bits(Chip& on, const Tensor& t) {
  std::vector<uint32_t> all;
  for (const float v : values(on, t)) all.push_back(std::isnan(v) ? ~0u : std::bit_cast<uint32_t>(v));
  return all;
}

class TileProductTest : public testing::TestWithParam<std::tuple<Pair, Format>> {
 protected:
  Pair isas() const { return std::get<0>(GetParam()); }
  Format format() const { return std::get<1>(GetParam()); }
};

TEST_P(TileProductTest, EveryNumberOfRowsHasTheSameBits) {
  const Matrix m(format(), 70, fitting(format(), 352), 3);
  const int64_t in = m.weight.cols();
  const std::vector<float> x = random_values(70 * in, 5), bias = random_values(70, 7);
  for (const auto& [inputs, in_rounding] : kModes) {
    const auto tiles = rounding_cpu(inputs, isas().tiles), plain = rounding_cpu(inputs, isas().plain);
    const Weight w = m.weight.rounded(in_rounding, Round::none);
    for (int64_t rows = 1; rows <= (in_rounding == Round::none ? 70 : 35); ++rows) {
      const std::vector<float> part(x.begin(), x.begin() + rows * in);
      const Vector b{bias.data(), {70}};
      const auto of = [&](Chip& on) { return bits(on, on.linear(floats(on, {rows, in}, part), w, b)); };
      ASSERT_EQ(of(*tiles), of(*plain)) << rows << " rows";
      tiles->reset();
      plain->reset();
    }
  }
}

TEST_P(TileProductTest, OddShapesHaveTheSameBits) {
  struct Shapes {
    int64_t rows, in, out;
  };
  for (const Shapes s :
       {Shapes{7, 32, 1}, {16, 64, 16}, {33, 128, 17}, {18, 1056, 47}, {100, 544, 33}, {1100, 288, 20}}) {
    const Matrix m(format(), s.out, fitting(format(), s.in), 11);
    const int64_t in = m.weight.cols();
    const std::vector<float> x = random_values(s.rows * in, 13);
    for (const auto& [inputs, in_rounding] : kModes) {
      const auto tiles = rounding_cpu(inputs, isas().tiles, 2), plain = rounding_cpu(inputs, isas().plain, 2);
      const Weight w = m.weight.rounded(in_rounding, Round::none);
      const auto of = [&](Chip& on) { return bits(on, on.linear(floats(on, {s.rows, in}, x), w)); };
      EXPECT_EQ(of(*tiles), of(*plain)) << s.rows << " rows, " << s.out << " x " << in;
    }
  }
}

TEST_P(TileProductTest, FfnMoeAndGroupsHaveTheSameBits) {
  const int64_t in = fitting(format(), 96), inner = fitting(format(), 160), experts = 3, rows = 41;
  const Matrix g(format(), experts, inner, in, 31), u(format(), experts, inner, in, 37),
      d(format(), experts, in, inner, 41);
  const std::vector<float> x = random_values(rows * in, 43), wide = random_values(rows * in * experts, 47);
  std::vector<int32_t> ids(rows * 2);
  for (int64_t i = 0; i < rows; ++i) ids[2 * i] = i % 5 == 0 ? 1 : 0, ids[2 * i + 1] = 2;
  std::vector<std::vector<uint32_t>> all[2];
  for (int i = 0; i < 4; ++i) {
    const int side = i % 2;
    const auto on = rounding_cpu(kModes[i / 2].inputs, side ? isas().plain : isas().tiles, 2);
    const Tensor t = floats(*on, {rows, in}, x);
    all[side].push_back(
        bits(*on, on->ffn(t, g.weight.expert(0), u.weight.expert(0), d.weight.expert(0), Act::silu, 0)));
    Tensor chosen = ints(*on, ids);
    chosen.shape = {rows, 2};
    const Choice to{chosen, floats(*on, {rows, 2}, random_values(rows * 2, 53))};
    all[side].push_back(bits(*on, on->moe(t, to, g.weight, u.weight, d.weight, Act::silu, 0)));
    all[side].push_back(bits(*on, on->grouped_linear(floats(*on, {rows, in * experts}, wide), g.weight)));
  }
  EXPECT_EQ(all[0], all[1]);
}

// Groups of whole runs and others: only the former can be rounded with all of the row.
TEST_P(TileProductTest, OfficialGroupsHaveTheSameBits) {
  for (const int64_t wide : {96, 128, 384}) {
    const int64_t in = fitting(format(), wide), groups = 3;
    const Matrix m(format(), groups, 36, in, 31);
    const Weight w = m.weight.rounded(Round::bf16, Round::bf16);
    const auto tiles = rounding_cpu(Rounding::Inputs::official, isas().tiles, 2),
               plain = rounding_cpu(Rounding::Inputs::official, isas().plain, 2);
    for (const int64_t rows : {5, 9, 37}) {
      const std::vector<float> x = random_values(rows * in * groups, 43);
      const auto of = [&](Chip& on) {
        return bits(on, on.grouped_linear(floats(on, {rows, in * groups}, x), w));
      };
      EXPECT_EQ(of(*tiles), of(*plain)) << rows << " rows of " << in;
    }
  }
}

std::string name(const testing::TestParamInfo<std::tuple<Pair, Format>>& i) {
  std::string s = std::get<0>(i.param).tiles + "_" + name_of(std::get<1>(i.param));
  std::ranges::replace(s, '-', '_');
  return s;
}
INSTANTIATE_TEST_SUITE_P(Cpu, TileProductTest,
                         testing::Combine(testing::ValuesIn(pairs()), testing::ValuesIn(block_formats())),
                         name);

class TileBf16Test : public TileProductTest {
 protected:
  Weight official(const Matrix& m) const {
    return m.weight.rounded(format() == Format::bf16 ? Round::bf16 : Round::e4m3_b128, Round::none);
  }
};

TEST_P(TileBf16Test, ARowsBitsDoNotDependOnItsCompany) {
  const Matrix m(format(), 70, fitting(format(), 352), 3);
  const int64_t in = m.weight.cols(), rows = 70;
  const std::vector<float> x = random_values(rows * in, 5), bias = random_values(70, 7);
  const Vector b{bias.data(), {70}};
  const auto alone = rounding_cpu(Rounding::Inputs::official, isas().tiles);
  std::vector<uint32_t> want;
  for (int64_t r = 0; r < rows; ++r) {
    const std::vector<float> row(&x[r * in], &x[r * in] + in);
    const auto y = bits(*alone, alone->linear(floats(*alone, {1, in}, row), official(m), b));
    want.insert(want.end(), y.begin(), y.end());
  }
  const auto together = rounding_cpu(Rounding::Inputs::official, isas().tiles, 2);
  for (int64_t n = 2; n <= rows; ++n) {
    const std::vector<float> part(x.begin(), x.begin() + n * in);
    const auto y = bits(*together, together->linear(floats(*together, {n, in}, part), official(m), b));
    ASSERT_TRUE(std::equal(y.begin(), y.end(), want.begin())) << n << " rows";
    together->reset();
  }
}

TEST_P(TileBf16Test, ProductsAreNearThoseOfTheIsa) {
  for (const int64_t in : {32, 160, 1056}) {
    const Matrix m(format(), 47, fitting(format(), in), 11);
    const int64_t rows = 1050, wide = m.weight.cols();
    const std::vector<float> x = random_values(rows * wide, 13);
    const auto of = [&](const std::string& isa) {
      const auto on = rounding_cpu(Rounding::Inputs::official, isa, 2);
      return values(*on, on->linear(floats(*on, {rows, wide}, x), official(m)));
    };
    const std::vector<float> y = of(isas().tiles), want = of(isas().plain);
    double most = 0;
    for (const float v : want) most = std::max(most, std::abs(static_cast<double>(v)));
    for (size_t i = 0; i < y.size(); ++i)
      ASSERT_NEAR(y[i], want[i], 1e-6 * most) << i << " of " << wide << " inputs";
  }
}

INSTANTIATE_TEST_SUITE_P(Cpu, TileBf16Test,
                         testing::Combine(testing::ValuesIn(pairs()),
                                          testing::Values(Format::bf16, Format::fp8_e4m3_b128x128)),
                         name);

// Q8_0 rows of 34 bytes: an f16 scale, then codes.
TEST(TileProductTest, ExtremeCodesAndBrokenScalesHaveTheSameBits) {
  constexpr int64_t kOut = 20, kIn = 64, kRows = 24;
  Matrix m(Format::q8_0, kOut, kIn, 1);
  const auto scale = [&](int64_t o, uint16_t f16) { std::memcpy(m.codes[0].data() + o * 68, &f16, 2); };
  for (int64_t o = 0; o < kOut; ++o)
    std::fill_n(m.codes[0].data() + o * 68 + 2, 32, std::byte(o % 2 ? 0x80 : 0x7f));
  scale(3, 0x7c00);  // infinity
  scale(4, 0x7e00);  // NaN
  scale(5, 0x8000);  // -0
  scale(6, 0x0001);  // subnormal
  std::vector<float> x = random_values(kRows * kIn, 2);
  std::fill_n(x.begin(), kIn, -1.f);
  std::fill_n(x.begin() + kIn, kIn, 0.f);
  x[2 * kIn] = NAN, x[3 * kIn + 40] = INFINITY, x[4 * kIn] = 1e30f, x[5 * kIn] = 1e-44f;
  x[6 * kIn] = 5e33f, x[7 * kIn] = 3e38f, x[8 * kIn] = 1e-20f;
  for (int64_t i = 9 * kIn; i < kRows * kIn; ++i)  // the largest sums, in which the smallest numbers matter
    x[i] = i % 5 ? 254 : static_cast<float>(i % 127) / 64;
  for (const Pair& isa : pairs()) {
    for (const auto& [inputs, in_rounding] : kModes) {
      const auto tiles = rounding_cpu(inputs, isa.tiles), plain = rounding_cpu(inputs, isa.plain);
      const Weight w = m.weight.rounded(in_rounding, Round::none);
      const auto of = [&](Chip& on) { return bits(on, on.linear(floats(on, {kRows, kIn}, x), w)); };
      EXPECT_EQ(of(*tiles), of(*plain)) << isa.tiles;
    }
  }
}

TEST(TileProductTest, KernelsAreNamed) {
  for (const Pair& isa : pairs()) {
    const auto on = rounding_cpu(Rounding::Inputs::int8, isa.tiles);
    const auto kernels = on->kernels();
    EXPECT_NE(kernels, rounding_cpu(Rounding::Inputs::int8, isa.plain)->kernels());
  }
}

}  // namespace
}  // namespace autark
