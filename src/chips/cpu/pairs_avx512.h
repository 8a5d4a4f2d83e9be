// Pairs of bf16 values as AVX-512 registers, for product_bf16-inl.h. Included once, by kernels_avx512.cc after
// lanes_avx512.h. Needs AVX512_BF16 and AVX512_VBMI.
#pragma once
#include "chips/cpu/lanes_avx512.h"

namespace autark {
namespace {

struct Pairs {  // sixteen pairs of bf16 values
  __m512i v;
};

inline Pairs load_pairs(const uint16_t* p) {
  return {_mm512_loadu_si512(p)};
}
inline void store_pairs(uint16_t* p, Pairs a) {
  _mm512_storeu_si512(p, a.v);
}
inline Pairs all_pairs(const uint16_t* p) {  // the pair at p in every place
  int32_t two;
  __builtin_memcpy(&two, p, sizeof two);
  return {_mm512_set1_epi32(two)};
}
inline Pairs all_two_pairs(const uint16_t* p) {  // the pairs at p and p + 2 in turns
  int64_t four;
  __builtin_memcpy(&four, p, sizeof four);
  return {_mm512_set1_epi64(four)};
}
// acc + the sum of each pair's products. Subnormal numbers count as zero.
inline F dot_pairs(F acc, Pairs a, Pairs b) {
  return {_mm512_dpbf16_ps(acc.v, __builtin_bit_cast(__m512bh, a.v), __builtin_bit_cast(__m512bh, b.v))};
}

struct TwoPairs {
  Pairs a, b;
};

// The bf16 codes of the 128 magnitudes of E4M3, their high and low bytes apart.
struct E4m3Bytes {
  alignas(64) uint8_t high[128], low[128];
};
constexpr E4m3Bytes e4m3_bytes() {
  E4m3Bytes t{};
  for (int c = 0; c < 128; ++c) {
    const int e = c >> 3, m = c & 7;
    const int top = m >= 4 ? 2 : m >= 2 ? 1 : 0;  // of a subnormal code, m 2^-9 = 2^(top - 9) (1 + …)
    const int subnormal = m ? (118 + top) << 7 | ((m << (7 - top)) & 0x7f) : 0;
    const int bf16 = c == 127 ? 0x7fc0 : e ? (e + 120) << 7 | m << 4 : subnormal;
    t.high[c] = static_cast<uint8_t>(bf16 >> 8);
    t.low[c] = static_cast<uint8_t>(bf16 & 0xff);
  }
  return t;
}
constexpr E4m3Bytes kE4m3Bytes = e4m3_bytes();

constexpr int kFirstOrBoth = 0xf8;  // of ternarylogic: a | (b & c)

struct E4m3Table {
  __m512i high[2], low[2];
};
inline E4m3Table e4m3_table() {
  const auto at = [](const uint8_t* p) { return _mm512_load_si512(p); };
  return {{at(kE4m3Bytes.high), at(kE4m3Bytes.high + 64)}, {at(kE4m3Bytes.low), at(kE4m3Bytes.low + 64)}};
}
// Four inputs of 16 lanes, byte b of each 32 bits input b of a lane. Of every four lanes, `a` has the pairs
// (0, 1) and (2, 3) of the first lane and then of the second; `b` has those of the third and the fourth.
inline TwoPairs pairs_of_e4m3(const E4m3Table& t, const uint8_t* p) {
  const __m512i z = _mm512_loadu_si512(p);
  const __m512i size = _mm512_permutex2var_epi8(t.high[0], z, t.high[1]);
  const __m512i low = _mm512_permutex2var_epi8(t.low[0], z, t.low[1]);
  const __m512i high = _mm512_ternarylogic_epi32(size, z, _mm512_set1_epi8(INT8_MIN), kFirstOrBoth);
  return {{_mm512_unpacklo_epi8(low, high)}, {_mm512_unpackhi_epi8(low, high)}};
}
// The same codes as the pairs (0, 2) of all lanes and then (1, 3): two in 32 bits, where they are.
inline TwoPairs apart_pairs_of_e4m3(const E4m3Table& t, __m512i z) {
  const __m512i size = _mm512_permutex2var_epi8(t.high[0], z, t.high[1]);
  const __m512i low = _mm512_permutex2var_epi8(t.low[0], z, t.low[1]);
  const __m512i high = _mm512_ternarylogic_epi32(size, z, _mm512_set1_epi8(INT8_MIN), kFirstOrBoth);
  constexpr __mmask64 kOdd = 0xaaaaaaaaaaaaaaaa;
  return {{_mm512_mask_blend_epi8(kOdd, low, _mm512_slli_epi16(high, 8))},
          {_mm512_mask_blend_epi8(kOdd, _mm512_srli_epi16(low, 8), high)}};
}
// Intel's cores look up 128 bytes slowly, so codes of normal numbers are computed. REQUIRES: no NaN, as in every prepared
// matrix (prepare.cc).
inline TwoPairs apart_pairs_of_e4m3(const E4m3Table& t, const uint8_t* p) {
  const __m512i z = _mm512_loadu_si512(p);
  if (__builtin_expect(_mm512_testn_epi8_mask(z, _mm512_set1_epi8(0x78)) != 0, 0))
    return apart_pairs_of_e4m3(t, z);  // zeros, subnormal codes
  return {{normal_e4m3(_mm512_slli_epi16(z, 8))}, {normal_e4m3(z)}};
}
// For tile_bf16-inl.h: a block of a panel to out[pair][lane][2].
inline void expand_e4m3(const uint8_t* codes, uint16_t* out) {
  const E4m3Table table = e4m3_table();
  AUTARK_UNROLL(8)
  for (int q = 0; q < kBlock / 4; ++q) {
    const TwoPairs two = apart_pairs_of_e4m3(table, codes + q * 64);
    store_pairs(out + q * 4 * kLanes, two.a);
    store_pairs(out + q * 4 * kLanes + 2 * kLanes, two.b);
  }
}
// The sums of 16 lanes from sums of pairs in that order.
inline F sums_of_lanes(F a, F b) {
  return {_mm512_add_ps(_mm512_shuffle_ps(a.v, b.v, 0x88), _mm512_shuffle_ps(a.v, b.v, 0xdd))};
}

}  // namespace
}  // namespace autark
