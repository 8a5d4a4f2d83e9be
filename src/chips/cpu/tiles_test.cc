// Goal: the modelled tiles compute what AMX computes, touch no byte beyond their shape, and trap where AMX faults.
// Method: plain sums in 64 bits for int8; for bf16 exact small numbers in all shapes, then cases whose result
// depends on the order of the sums and on subnormals.
#include "chips/cpu/tiles.h"
#include <gtest/gtest.h>
#include <array>
#include <bit>
#include <cmath>
#include <random>
#include <vector>
#include "chips/cpu/isa.h"
#include "chips/cpu/tile_peak-inl.h"
#include "chips/cpu/unit_peaks.h"
#include "chips/registry.h"
#include "tensor/bf16.h"

namespace autark {
namespace {

struct Size {
  int m, n, k;  // rows of C, dwords of a row of C, dwords of a row of A
};

// C in tile 0, A in tile 1, B in tile 2.
TileShapes shapes_of(Size s) {
  TileShapes t;
  t.set(0, s.m, 4 * s.n);
  t.set(1, s.m, 4 * s.k);
  t.set(2, s.k, 4 * s.n);
  return t;
}

constexpr Size kSizes[] = {{16, 16, 16}, {16, 16, 8}, {16, 16, 4}, {1, 16, 8},
                           {7, 16, 4},   {3, 5, 2},   {1, 1, 1}};

TEST(TilesTest, Int8ProductsAreExactAndWrapAround) {
  std::mt19937 g(1);
  for (const Size s : kSizes) {
    std::vector<int8_t> a(s.m * s.k * 4), b(s.k * s.n * 4);
    std::vector<int32_t> c(s.m * s.n), got(c.size());
    for (auto* v : {&a, &b}) {
      for (int8_t& x : *v) x = static_cast<int8_t>(g());
    }
    for (int32_t& x : c) x = static_cast<int32_t>(g());
    ModelTiles tiles(shapes_of(s));
    tiles.load<0>(c.data(), 4 * s.n);
    tiles.load<1>(a.data(), 4 * s.k);
    tiles.load<2>(b.data(), 4 * s.n);
    tiles.dot_i8<0, 1, 2>();
    tiles.store<0>(got.data(), 4 * s.n);
    for (int m = 0; m < s.m; ++m) {
      for (int n = 0; n < s.n; ++n) {
        int64_t sum = c[m * s.n + n];
        for (int k = 0; k < 4 * s.k; ++k) sum += a[m * s.k * 4 + k] * b[k / 4 * s.n * 4 + 4 * n + k % 4];
        ASSERT_EQ(got[m * s.n + n], static_cast<int32_t>(sum)) << s.m << " x " << s.n << " x " << s.k;
      }
    }
  }
}

TEST(TilesTest, Bf16ProductsOfSmallWholeNumbersAreExact) {
  std::mt19937 g(2);
  for (const Size s : kSizes) {
    std::vector<uint16_t> a(s.m * s.k * 2), b(s.k * s.n * 2);
    for (auto* v : {&a, &b}) {
      for (uint16_t& x : *v) x = encode_bf16(static_cast<float>(static_cast<int>(g() % 401) - 200));
    }
    std::vector<float> got(s.m * s.n, 3);
    ModelTiles tiles(shapes_of(s));
    tiles.load<0>(got.data(), 4 * s.n);
    tiles.load<1>(a.data(), 4 * s.k);
    tiles.load<2>(b.data(), 4 * s.n);
    tiles.dot_bf16<0, 1, 2>();
    tiles.store<0>(got.data(), 4 * s.n);
    for (int m = 0; m < s.m; ++m) {
      for (int n = 0; n < s.n; ++n) {
        double sum = 3;
        for (int k = 0; k < 2 * s.k; ++k)
          sum += double{decode_bf16(a[m * s.k * 2 + k])} * decode_bf16(b[k / 2 * s.n * 2 + 2 * n + k % 2]);
        ASSERT_EQ(got[m * s.n + n], sum) << s.m << " x " << s.n << " x " << s.k;
      }
    }
  }
}

// c + a · (1, 1, 1, 1)
float bf16_sum(float c, std::array<float, 4> a) {
  uint16_t x[4], ones[4];
  for (int i = 0; i < 4; ++i) x[i] = encode_bf16(a[i]), ones[i] = encode_bf16(1);
  ModelTiles tiles(shapes_of({1, 1, 2}));
  tiles.load<0>(&c, 4);
  tiles.load<1>(x, 8);
  tiles.load<2>(ones, 4);
  tiles.dot_bf16<0, 1, 2>();
  tiles.store<0>(&c, 4);
  return c;
}

TEST(TilesTest, Bf16ProductsAddTwoChains) {
  EXPECT_EQ(bf16_sum(0, {0x1p24f, 1, -0x1p24f, 1}), 2);     // one chain would lose the first 1
  EXPECT_EQ(bf16_sum(0, {0x1p24f, 0, 1, 0}), 0x1p24f);      // ties to even
  EXPECT_EQ(bf16_sum(0x1p24f, {1, 1, 0, 0}), 0x1p24f + 2);  // the chains are added before C
  EXPECT_EQ(bf16_sum(1, {0x1p24f, -0x1p24f, 0, 0}), 1);
}

TEST(TilesTest, Bf16SubnormalsAreZeros) {
  EXPECT_EQ(bf16_sum(0x1p-127f, {0, 0, 0, 0}), 0);             // of C
  EXPECT_EQ(bf16_sum(0, {0x1p-127f, 0, 0x1p-127f, 0}), 0);     // of A
  EXPECT_EQ(bf16_sum(0, {0x1p-125f, 0, -0x1.8p-126f, 0}), 0);  // of a result
  EXPECT_EQ(bf16_sum(0, {0x1p-126f, 0, 0, 0}), 0x1p-126f);
  EXPECT_TRUE(std::isnan(bf16_sum(0, {INFINITY, -INFINITY, 0, 0})));
}

TEST(TilesTest, ALoadFillsTheRestWithZerosAndAStoreLeavesIt) {
  TileShapes t;
  t.set(0, 3, 12);
  ModelTiles tiles(t);
  std::vector<uint8_t> from(2 * 20 + 12, 7), to(3 * 64, 9);  // exactly the bytes of three rows
  tiles.load<0>(from.data(), 20);
  tiles.store<0>(to.data(), 64);
  for (size_t i = 0; i < to.size(); ++i) EXPECT_EQ(to[i], i % 64 < 12 ? 7 : 9) << i;
  tiles.zero<0>();
  tiles.store<0>(to.data(), 64);
  EXPECT_EQ(to[0], 0);
}

TEST(TilesDeathTest, WrongShapesTrap) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  const auto with = [](Size s, auto change) {
    TileShapes t = shapes_of(s);
    change(t);
    ModelTiles tiles(t);
    tiles.zero<0>();
    tiles.dot_i8<0, 1, 2>();
  };
  with({4, 4, 4}, [](TileShapes&) {});
  EXPECT_DEATH(with({4, 4, 4}, [](TileShapes& t) { t.rows[2] = 3; }), "");  // B is not as high as A is wide
  EXPECT_DEATH(with({4, 4, 4}, [](TileShapes& t) { t.rows[1] = 3; }), "");  // A is not as high as C
  EXPECT_DEATH(with({4, 4, 4}, [](TileShapes& t) { t.row_bytes[2] = 12; }), "");  // B is not as wide as C
  EXPECT_DEATH(with({4, 4, 4}, [](TileShapes& t) { t.set(1, 0, 0); }), "");       // A has no shape
  EXPECT_DEATH(with({4, 4, 4}, [](TileShapes& t) { t.rows[5] = 17; }), "");
  EXPECT_DEATH(with({4, 4, 4}, [](TileShapes& t) { t.rows[5] = 1; }), "");  // a height without a width
}

TEST(TilesTest, TheProbesRunOverTheModel) {
  const double int8 = tile_peak<ModelTiles, Int8Dot>(3), bf16 = tile_peak<ModelTiles, Bf16Dot>(3);
  int32_t sum = 0;
  for (int k = 0; k < 64; ++k) sum += 3 * (0x3c + k * 7 % 4) * (0x3c + k % 4 * 7 % 4);
  EXPECT_EQ(int8, sum);
  EXPECT_GT(std::bit_cast<float>(static_cast<uint32_t>(bf16)), 0);
}

TEST(TilesTest, WhoAsksForAmxInVainLearnsWhy) {
  const auto amx = kernels_for("amx");
  const std::vector<std::string> missing = cpu_isas_missing();
  if (amx) {
    EXPECT_EQ((*amx)->isa, std::string("amx"));
    EXPECT_EQ(cpu_isas().back(), "amx");
    return;
  }
  ASSERT_FALSE(missing.empty());
  ASSERT_TRUE(missing.back().starts_with("amx: ")) << missing.back();
  EXPECT_NE(amx.error().message.find("\"" + missing.back().substr(3)), std::string::npos)
      << amx.error().message;
  EXPECT_NE(amx.error().message.find("AUTARK_CPU"), std::string::npos);
  EXPECT_FALSE(amx_bf16_peak());
}

}  // namespace
}  // namespace autark
