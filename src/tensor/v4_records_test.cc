// Goal: cache records hold the values that DeepSeek-V4 was trained with, in the byte layout that other
// engines use. Method: blocks computed by hand; records of the published sizes encoded and decoded; rounding
// twice equals rounding once, at every magnitude.
#include "tensor/v4_records.h"
#include <gtest/gtest.h>
#include <cmath>
#include <limits>
#include <random>
#include "tensor/bf16.h"
#include "tensor/format.h"
#include "tensor/minifloat.h"
#include "tensor/weight.h"

namespace autark {
namespace {

std::vector<float> sawtooth(int n) {
  std::vector<float> x(n);
  for (int i = 0; i < n; ++i) x[i] = float((37 * i % 64) - 31) / 10;
  return x;
}

TEST(V4RecordsTest, E4m3BlockByHand) {
  auto x = sawtooth(64);
  EXPECT_EQ(v4::kv_scale(x), 0x1p-7f);
  v4::quantise_e4m3(x, 64);
  const std::vector<float> first{-3, 0.625, -2, 1.625, -1.125, 2.5, -0.1015625, -2.75};
  EXPECT_EQ(std::vector(x.begin(), x.begin() + 8), first);
}

TEST(V4RecordsTest, E2m1BlockByHand) {
  auto x = sawtooth(32);
  EXPECT_EQ(v4::key_scale(x), 1);
  v4::quantise_key(x);
  const std::vector<float> first{-3, 0.5, -2, 1.5, -1, 3, 0, -3};
  EXPECT_EQ(std::vector(x.begin(), x.begin() + 8), first);
}

TEST(V4RecordsTest, PublishedSizes) {
  EXPECT_EQ(row_bytes(Format::v4_kv584, 512), 584);
  EXPECT_EQ(row_bytes(Format::v4_key68, 128), 68);
}

TEST(V4RecordsTest, BytesLieWhereOtherEnginesHaveThem) {
  std::vector<float> x(512);
  x[0] = 448, x[64] = -224, x[447] = 1, x[448] = 3.5f, x[511] = -2;
  std::vector<uint8_t> row(584, 0xaa);
  encode(Format::v4_kv584, x, reinterpret_cast<std::byte*>(row.data()));
  EXPECT_EQ(row[0], 0x7e);   // 448 · 2⁰
  EXPECT_EQ(row[64], 0xfe);  // −448 · 2⁻¹
  EXPECT_EQ(row[576], 127);  // seven scales behind the rotary half, then padding
  EXPECT_EQ(row[577], 126);
  EXPECT_EQ(row[583], 0);
  EXPECT_EQ(row[448] | row[449] << 8, encode_bf16(3.5f));
  EXPECT_EQ(row[574] | row[575] << 8, encode_bf16(-2));
  std::vector<float> back(512);
  decode(Format::v4_kv584, reinterpret_cast<const std::byte*>(row.data()), back);
  EXPECT_EQ(back, x);

  std::vector<float> key(128);
  key[0] = 6, key[1] = -0.5f, key[33] = 24;
  std::vector<uint8_t> small(68, 0xaa);
  encode(Format::v4_key68, key, reinterpret_cast<std::byte*>(small.data()));
  EXPECT_EQ(small[0], 0x07 | 0x09 << 4);  // even channel low
  EXPECT_EQ(small[16], 0x70);             // 6 · 2²
  EXPECT_EQ(small[64], 127);
  EXPECT_EQ(small[65], 129);
}

TEST(V4RecordsTest, ARecordIsItsRoundingAndRoundingTwiceChangesNothing) {
  std::mt19937 gen(1);
  std::normal_distribution<float> normal;
  for (int e = -40; e <= 40; e += 5) {
    for (const auto& [format, n] : {std::pair{Format::v4_kv584, 128}, {Format::v4_key68, 128}}) {
      std::vector<float> x(n);
      for (float& v : x) v = std::ldexp(normal(gen), e);
      if (format == Format::v4_kv584)  // the rotary half is BF16 in the record
        for (int i = n - int(v4::kRotary); i < n; ++i) x[i] = decode_bf16(encode_bf16(x[i]));
      auto rounded = x;
      quantise(format, rounded);
      auto twice = rounded;
      quantise(format, twice);
      EXPECT_EQ(twice, rounded) << name_of(format) << " at 2^" << e;
      std::vector<std::byte> row(row_bytes(format, n));
      std::vector<float> back(n);
      encode(format, x, row.data());
      decode(format, row.data(), back);
      EXPECT_EQ(back, rounded) << name_of(format) << " at 2^" << e;
    }
  }
}

TEST(V4RecordsTest, ExtremesNeitherTrapNorSpread) {
  for (float odd : {0.f, 1e-38f, std::numeric_limits<float>::max(), std::numeric_limits<float>::infinity(),
                    std::nanf("")}) {
    for (Format f : {Format::v4_kv584, Format::v4_key68}) {
      constexpr int kOdd = 32;  // less than a block of either; the last block and the rotary half are plain
      std::vector<float> x(192, 1), back(192);
      std::fill_n(x.begin(), kOdd, odd);
      std::vector<std::byte> row(row_bytes(f, 192));
      encode(f, x, row.data());
      decode(f, row.data(), back);
      quantise(f, x);
      EXPECT_EQ(std::vector(x.begin() + 64, x.end()), std::vector<float>(128, 1)) << odd;
      EXPECT_EQ(std::vector(back.begin() + 64, back.end()), std::vector<float>(128, 1)) << odd;
      for (int i = 0; i < kOdd; ++i) EXPECT_TRUE(back[i] == x[i] || std::isnan(odd)) << odd;
      if (odd == 0) {
        EXPECT_EQ(std::vector(x.begin(), x.begin() + kOdd), std::vector<float>(kOdd, 0));
      }
    }
  }
}

// A block whose largest value is 448 has scale 1: every float up to it, by steps of its bits.
TEST(RoundTest, E4m3IsTheNearestCodeAtEveryMagnitude) {
  std::vector<float> x{448}, want{448};
  const auto both = [&](uint32_t bits) {
    for (const uint32_t sign : {0u, 0x80000000u}) {
      x.push_back(std::bit_cast<float>(bits | sign));
      want.push_back(decode_e4m3(encode_e4m3(x.back())));
    }
  };
  for (uint32_t bits = 0; bits < 0x43e00000; bits += 0x7fff) both(bits);
  for (uint32_t code = 0; code < 0x7e; ++code) {  // ties, and their neighbours
    const uint32_t tie =
        std::bit_cast<uint32_t>((decode_e4m3(uint8_t(code)) + decode_e4m3(uint8_t(code + 1))) / 2);
    for (const uint32_t bits : {tie - 1, tie, tie + 1}) both(bits);
  }
  v4::quantise_e4m3(x, std::ssize(x));
  for (size_t i = 0; i < x.size(); ++i)
    ASSERT_EQ(std::bit_cast<uint32_t>(x[i]), std::bit_cast<uint32_t>(want[i])) << want[i];
}

TEST(RoundTest, ActivationsPer128) {
  auto x = sawtooth(130);
  x[129] = 1000;
  auto y = x;
  round(Round::e4m3_b128, y);
  EXPECT_EQ(y[1], 0.625f);  // the scale of its own 128
  EXPECT_EQ(y[129], 1024);
  round(Round::none, x);
  EXPECT_EQ(x[1], 0.6f);
  round(Round::bf16, x);
  EXPECT_EQ(x[1], decode_bf16(encode_bf16(0.6f)));
}

}  // namespace
}  // namespace autark
