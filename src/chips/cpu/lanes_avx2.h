// The vector types of the kernels as pairs of AVX2 registers. Included once, by kernels_avx2.cc.
// lanes_generic.h says what the functions do.
#pragma once
#include <immintrin.h>
#include <stdint.h>
#include "chips/cpu/unroll.h"

namespace autark {
namespace {

struct F {
  __m256 a, b;
};
struct I {
  __m256i a, b;
};
struct U {
  __m256i a, b;
};
struct Quad {  // four inputs of 16 lanes
  F v[4];
};

constexpr int kTileRows = 6;        // rows of a product that share one load of the weights
constexpr int kPackedTileRows = 5;  // the same where codes are unpacked for a tile, which takes registers
constexpr int kTilePanels = 1;  // panels of a tile of many rows: its sums are twelve of the sixteen registers
constexpr int kAttendVectors = 1;   // vectors of positions or channels in a tile of attention
constexpr int kKeysEach = 2;        // index keys that share one load of the queries
constexpr bool kFused = true;       // whether fma() rounds once
constexpr bool kSignedFull = true;  // whether codes of eight bits are multiplied after 128 was subtracted

inline __m256i first(int64_t n) {  // mask of the first n of eight lanes
  const __m256i lane = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm256_cmpgt_epi32(_mm256_set1_epi32(n > 8 ? 8 : static_cast<int>(n)), lane);
}

inline F zero() {
  return {_mm256_setzero_ps(), _mm256_setzero_ps()};
}
inline F all(float x) {
  return {_mm256_set1_ps(x), _mm256_set1_ps(x)};
}
inline F load(const float* p) {
  return {_mm256_loadu_ps(p), _mm256_loadu_ps(p + 8)};
}
inline F load_floats(const uint8_t* p) {
  return load(reinterpret_cast<const float*>(p));
}
inline F load(const float* p, int64_t n) {
  if (n >= 16) return load(p);
  return {_mm256_maskload_ps(p, first(n)),
          n > 8 ? _mm256_maskload_ps(p + 8, first(n - 8)) : _mm256_setzero_ps()};
}
inline void store(float* p, F x) {
  _mm256_storeu_ps(p, x.a);
  _mm256_storeu_ps(p + 8, x.b);
}
inline void store(float* p, F x, int64_t n) {
  if (n >= 16) return store(p, x);
  _mm256_maskstore_ps(p, first(n), x.a);
  if (n > 8) _mm256_maskstore_ps(p + 8, first(n - 8), x.b);
}
inline F operator+(F x, F y) {
  return {_mm256_add_ps(x.a, y.a), _mm256_add_ps(x.b, y.b)};
}
inline F operator-(F x, F y) {
  return {_mm256_sub_ps(x.a, y.a), _mm256_sub_ps(x.b, y.b)};
}
inline F operator*(F x, F y) {
  return {_mm256_mul_ps(x.a, y.a), _mm256_mul_ps(x.b, y.b)};
}
inline F operator/(F x, F y) {
  return {_mm256_div_ps(x.a, y.a), _mm256_div_ps(x.b, y.b)};
}
inline F fma(F x, F y, F z) {
  return {_mm256_fmadd_ps(x.a, y.a, z.a), _mm256_fmadd_ps(x.b, y.b, z.b)};
}
// The second operand if one of the two is NaN.
inline F max(F x, F y) {
  return {_mm256_max_ps(x.a, y.a), _mm256_max_ps(x.b, y.b)};
}
inline F min(F x, F y) {
  return {_mm256_min_ps(x.a, y.a), _mm256_min_ps(x.b, y.b)};
}
inline F abs(F x) {
  const __m256 sign = _mm256_set1_ps(-0.f);
  return {_mm256_andnot_ps(sign, x.a), _mm256_andnot_ps(sign, x.b)};
}
inline F nearest(F x) {
  constexpr int kMode = _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC;
  return {_mm256_round_ps(x.a, kMode), _mm256_round_ps(x.b, kMode)};
}
inline __m256 scale_by_power(__m256 x, __m256 n) {                   // −126 ≤ n ≤ 128
  const __m256i half = _mm256_srai_epi32(_mm256_cvtps_epi32(n), 1);  // in two steps: 2^128 is not a float
  const __m256i rest = _mm256_sub_epi32(_mm256_cvtps_epi32(n), half), bias = _mm256_set1_epi32(127);
  const __m256 p = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(half, bias), 23));
  const __m256 q = _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_add_epi32(rest, bias), 23));
  return _mm256_mul_ps(_mm256_mul_ps(x, p), q);
}
inline F scale_by_power(F x, F n) {
  return {scale_by_power(x.a, n.a), scale_by_power(x.b, n.b)};
}
struct Powers {
  F factors;
};
inline Powers powers(F x) {
  return {x};
}
inline Powers all_powers(float power, float) {
  return {all(power)};
}
inline Powers operator*(Powers x, Powers y) {
  return {x.factors * y.factors};
}
inline F operator*(F x, Powers y) {
  return x * y.factors;
}
inline F fma(F x, Powers y, F z) {
  return fma(x, y.factors, z);
}
inline __m256 between(__m256 x, int64_t from, int64_t to, __m256 other) {
  const __m256i m = _mm256_andnot_si256(first(from < 0 ? 0 : from), first(to < 0 ? 0 : to));
  return _mm256_blendv_ps(other, x, _mm256_castsi256_ps(m));
}
// Lane l of x if from ≤ l < to, else of `other`.
inline F between(F x, int64_t from, int64_t to, F other) {
  return {between(x.a, from, to, other.a), between(x.b, from - 8, to - 8, other.b)};
}
inline F zero_below(F x, F of, float limit) {  // 0 in lanes with of < limit, else x
  const __m256 l = _mm256_set1_ps(limit);
  return {_mm256_andnot_ps(_mm256_cmp_ps(of.a, l, _CMP_LT_OQ), x.a),
          _mm256_andnot_ps(_mm256_cmp_ps(of.b, l, _CMP_LT_OQ), x.b)};
}
inline float sum_of(F x) {
  const __m256 h = _mm256_add_ps(x.a, x.b);
  const __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  const __m128 d = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
}
inline bool finite(F x) {  // no NaN, no infinity
  const F y = abs(x);
  const __m256 top = _mm256_set1_ps(__FLT_MAX__);
  return _mm256_movemask_ps(
             _mm256_and_ps(_mm256_cmp_ps(y.a, top, _CMP_LE_OQ), _mm256_cmp_ps(y.b, top, _CMP_LE_OQ))) == 0xff;
}
inline float max_of(F x) {
  const __m256 h = _mm256_max_ps(x.a, x.b);
  const __m128 q = _mm_max_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  const __m128 d = _mm_max_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_max_ss(d, _mm_movehdup_ps(d)));
}
inline int32_t sum_of(I x) {
  const __m256i h = _mm256_add_epi32(x.a, x.b);
  const __m128i q = _mm_add_epi32(_mm256_castsi256_si128(h), _mm256_extracti128_si256(h, 1));
  const __m128i d = _mm_add_epi32(q, _mm_shuffle_epi32(q, 0x4e));
  return _mm_cvtsi128_si32(_mm_add_epi32(d, _mm_shuffle_epi32(d, 0xb1)));
}

inline __m128i load16(const uint8_t* p) {
  return _mm_loadu_si128(reinterpret_cast<const __m128i*>(p));
}
inline __m256i load32(const uint8_t* p) {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
}

inline F load_f16(const uint8_t* p) {
  return {_mm256_cvtph_ps(load16(p)), _mm256_cvtph_ps(load16(p + 16))};
}
inline F load_bf16(const uint8_t* p) {
  return {_mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load16(p)), 16)),
          _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(load16(p + 16)), 16))};
}
inline F load_u8(const uint8_t* p) {
  const __m128i v = load16(p);
  return {_mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(v)),
          _mm256_cvtepi32_ps(_mm256_cvtepu8_epi32(_mm_srli_si128(v, 8)))};
}
inline F load_i8(const uint8_t* p) {
  const __m128i v = load16(p);
  return {_mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(v)),
          _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_srli_si128(v, 8)))};
}
// The first or the second value of each pair of bf16 values [lane][2].
inline F load_pair(const uint8_t* p, int second) {
  const __m256i x = load32(p), y = load32(p + 32), high = _mm256_set1_epi32(-65536);
  if (second)
    return {_mm256_castsi256_ps(_mm256_and_si256(x, high)), _mm256_castsi256_ps(_mm256_and_si256(y, high))};
  return {_mm256_castsi256_ps(_mm256_slli_epi32(x, 16)), _mm256_castsi256_ps(_mm256_slli_epi32(y, 16))};
}
// |x| below 2^-6 was read as 2^-7 (1 + m / 8), but subnormal codes mean 2^-6 m / 8.
inline __m256 with_subnormals(__m256 x) {
  const __m256 sign = _mm256_set1_ps(-0.f), limit = _mm256_set1_ps(0x1p-6f);
  const __m256 small = _mm256_cmp_ps(_mm256_andnot_ps(sign, x), limit, _CMP_LT_OQ);
  const __m256 one = _mm256_or_ps(_mm256_and_ps(x, sign), limit);
  return _mm256_blendv_ps(x, _mm256_sub_ps(_mm256_add_ps(x, x), one), small);
}
struct HalfQuad {
  __m256 v[4];
};
// Codes of four inputs of eight lanes, byte b of each lane input b.
inline HalfQuad half_e4m3(__m256i z) {
  const auto as_bf16 = [](__m256i y) {  // of the upper byte of each 16 bits, as if all had their leading 1
    return _mm256_add_epi16(
        _mm256_and_si256(_mm256_srai_epi16(y, 4), _mm256_set1_epi16(static_cast<short>(0x87f0))),
        _mm256_set1_epi16(120 << 7));
  };
  const auto low = [](__m256i y) { return _mm256_castsi256_ps(_mm256_slli_epi32(y, 16)); };
  const auto high = [](__m256i y) {
    return _mm256_castsi256_ps(_mm256_and_si256(y, _mm256_set1_epi32(-65536)));
  };
  const __m256i odd = as_bf16(z), even = as_bf16(_mm256_slli_epi16(z, 8));
  HalfQuad w{{low(even), low(odd), high(even), high(odd)}};
  const __m256i exponents = _mm256_and_si256(z, _mm256_set1_epi8(0x78));
  if (__builtin_expect(_mm256_movemask_epi8(_mm256_cmpeq_epi8(exponents, _mm256_setzero_si256())) != 0, 0)) {
    for (__m256& x : w.v) x = with_subnormals(x);
  }
  return w;
}
inline Quad load_e4m3(const uint8_t* p) {
  const HalfQuad a = half_e4m3(load32(p)), b = half_e4m3(load32(p + 32));
  return {{{a.v[0], b.v[0]}, {a.v[1], b.v[1]}, {a.v[2], b.v[2]}, {a.v[3], b.v[3]}}};
}
// What the lowest four bits of eight lanes mean as E2M1.
inline __m256 from_e2m1(__m256i code) {
  const __m256 size = _mm256_permutevar8x32_ps(_mm256_setr_ps(0, 0.5f, 1, 1.5f, 2, 3, 4, 6), code);
  const __m256i sign = _mm256_and_si256(_mm256_slli_epi32(code, 28), _mm256_set1_epi32(INT32_MIN));
  return _mm256_or_ps(size, _mm256_castsi256_ps(sign));
}
// The low or the high E2M1 codes of four inputs, byte b of each lane input b.
template <int High>
inline Quad load_e2m1(const uint8_t* p) {
  const __m256i x = load32(p), y = load32(p + 32);
  const auto input = [&](int by) {
    return F{from_e2m1(_mm256_srli_epi32(x, by)), from_e2m1(_mm256_srli_epi32(y, by))};
  };
  return {{input(4 * High), input(8 + 4 * High), input(16 + 4 * High), input(24 + 4 * High)}};
}
inline __m256 power_of(__m256i e) {  // 2^(e − 127); 2^−127 is subnormal
  const __m256i none = _mm256_cmpeq_epi32(e, _mm256_setzero_si256());
  return _mm256_castsi256_ps(
      _mm256_blendv_epi8(_mm256_slli_epi32(e, 23), _mm256_set1_epi32(0x00400000), none));
}
inline I load_bytes_as_ints(const uint8_t* p) {
  const __m128i v = load16(p);
  return {_mm256_cvtepu8_epi32(v), _mm256_cvtepu8_epi32(_mm_srli_si128(v, 8))};
}
inline F e8m0(I code) {
  return {power_of(code.a), power_of(code.b)};
}
inline void store_f16(uint8_t* p, F x) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(x.a, _MM_FROUND_TO_NEAREST_INT));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p + 16), _mm256_cvtps_ph(x.b, _MM_FROUND_TO_NEAREST_INT));
}
inline __m256i rounded_high(__m256 x) {
  const __m256i u = _mm256_castps_si256(x);
  const __m256i odd = _mm256_and_si256(_mm256_srli_epi32(u, 16), _mm256_set1_epi32(1));
  return _mm256_srli_epi32(_mm256_add_epi32(_mm256_add_epi32(u, _mm256_set1_epi32(0x7fff)), odd), 16);
}
inline void store_bf16(uint8_t* p, F x) {
  const __m256i v = _mm256_packus_epi32(rounded_high(x.a), rounded_high(x.b));
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm256_permute4x64_epi64(v, 0xd8));
}

inline I int_zero() {
  return {_mm256_setzero_si256(), _mm256_setzero_si256()};
}
inline I int_all(int32_t x) {
  return {_mm256_set1_epi32(x), _mm256_set1_epi32(x)};
}
inline I operator+(I x, I y) {
  return {_mm256_add_epi32(x.a, y.a), _mm256_add_epi32(x.b, y.b)};
}
inline I operator-(I x, I y) {
  return {_mm256_sub_epi32(x.a, y.a), _mm256_sub_epi32(x.b, y.b)};
}
inline I min(I x, I y) {
  return {_mm256_min_epi32(x.a, y.a), _mm256_min_epi32(x.b, y.b)};
}
inline I max(I x, I y) {
  return {_mm256_max_epi32(x.a, y.a), _mm256_max_epi32(x.b, y.b)};
}
inline bool any_above(I x, int32_t n) {
  const __m256i limit = _mm256_set1_epi32(n);
  return _mm256_movemask_epi8(
             _mm256_or_si256(_mm256_cmpgt_epi32(x.a, limit), _mm256_cmpgt_epi32(x.b, limit))) != 0;
}
inline I shift_left(I x, I n) {
  return {_mm256_sllv_epi32(x.a, n.a), _mm256_sllv_epi32(x.b, n.b)};
}
inline I shift_left(I x, int n) {
  const __m128i by = _mm_cvtsi32_si128(n);
  return {_mm256_sll_epi32(x.a, by), _mm256_sll_epi32(x.b, by)};
}
inline I load_ints(const int32_t* p) {
  return {load32(reinterpret_cast<const uint8_t*>(p)), load32(reinterpret_cast<const uint8_t*>(p + 8))};
}
inline F to_float(I x) {
  return {_mm256_cvtepi32_ps(x.a), _mm256_cvtepi32_ps(x.b)};
}
inline F as_float(I x) {
  return {_mm256_castsi256_ps(x.a), _mm256_castsi256_ps(x.b)};
}
inline I to_int(F x) {
  return {_mm256_cvtps_epi32(x.a), _mm256_cvtps_epi32(x.b)};
}
inline int32_t store_codes(int8_t* p, I x) {  // stores them as bytes and returns their sum
  const __m256i w = _mm256_permute4x64_epi64(_mm256_packs_epi32(x.a, x.b), 0xd8);
  const __m128i c = _mm_packs_epi16(_mm256_castsi256_si128(w), _mm256_extracti128_si256(w, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), c);
  const __m128i s = _mm_sad_epu8(_mm_xor_si128(c, _mm_set1_epi8(-128)), _mm_setzero_si128());
  return _mm_cvtsi128_si32(s) + _mm_extract_epi16(s, 4) - 16 * 128;
}

inline U load_bytes(const uint8_t* p) {
  return {load32(p), load32(p + 32)};
}
inline void store_bytes(uint8_t* p, U x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), x.a);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p + 32), x.b);
}
inline U masked(U x, int mask) {
  const __m256i m = _mm256_set1_epi8(static_cast<char>(mask));
  return {_mm256_and_si256(x.a, m), _mm256_and_si256(x.b, m)};
}
inline U minus(U x, int by) {
  const __m256i m = _mm256_set1_epi8(static_cast<char>(by));
  return {_mm256_sub_epi8(x.a, m), _mm256_sub_epi8(x.b, m)};
}
inline U either(U x, U y) {
  return {_mm256_or_si256(x.a, y.a), _mm256_or_si256(x.b, y.b)};
}
template <int N>  // in 16-bit units: bits can move between bytes
inline U shifted(U x) {
  if constexpr (N > 0) return {_mm256_slli_epi16(x.a, N), _mm256_slli_epi16(x.b, N)};
  if constexpr (N < 0) return {_mm256_srli_epi16(x.a, -N), _mm256_srli_epi16(x.b, -N)};
  return x;
}
inline U looked_up(U index, const uint8_t* table) {
  const __m256i t = _mm256_broadcastsi128_si256(load16(table));
  return {_mm256_shuffle_epi8(t, index.a), _mm256_shuffle_epi8(t, index.b)};
}
inline __m256i looked_up_64(__m256i index, const uint8_t* table) {
  const __m256i of = _mm256_and_si256(index, _mm256_set1_epi8(0x30));
  __m256i y = _mm256_setzero_si256();
  for (int i = 0; i < 4; ++i) {
    const __m256i t = _mm256_broadcastsi128_si256(load16(table + 16 * i));
    const __m256i here = _mm256_cmpeq_epi8(of, _mm256_set1_epi8(static_cast<char>(16 * i)));
    y = _mm256_or_si256(y, _mm256_and_si256(here, _mm256_shuffle_epi8(t, index)));
  }
  return y;
}
inline U looked_up_64(U index, const uint8_t* table) {
  return {looked_up_64(index.a, table), looked_up_64(index.b, table)};
}
inline U as_bytes(I x) {
  return {x.a, x.b};
}
template <int B>
inline __m256 byte_of(__m256i x) {
  return _mm256_cvtepi32_ps(_mm256_and_si256(_mm256_srli_epi32(x, 8 * B), _mm256_set1_epi32(255)));
}
template <int B>  // byte B of each lane, as a float
inline F byte_of(U x) {
  return {byte_of<B>(x.a), byte_of<B>(x.b)};
}
inline __m256i bf16_pairs(__m256 even, __m256 odd) {
  return _mm256_blend_epi16(_mm256_srli_epi32(_mm256_castps_si256(even), 16), _mm256_castps_si256(odd), 0xaa);
}
inline U bf16_pairs(F even, F odd) {
  return {bf16_pairs(even.a, odd.a), bf16_pairs(even.b, odd.b)};
}
inline __m256i quads(__m256i unsigned_codes, __m256i x) {
  return _mm256_madd_epi16(_mm256_maddubs_epi16(unsigned_codes, x), _mm256_set1_epi16(1));
}
inline I dot_small(I acc, U w, int32_t x) {  // REQUIRES: codes below 64
  const __m256i v = _mm256_set1_epi32(x);
  return {_mm256_add_epi32(acc.a, quads(w.a, v)), _mm256_add_epi32(acc.b, quads(w.b, v))};
}
// Codes of eight bits minus 128, as sizes and signs: vpmaddubsw adds two products in 16 bits, and 255 · 127 · 2 would
// overflow.
struct SignedCodes {
  __m256i size, sign;
};
inline SignedCodes signed_codes(__m256i w) {
  const __m256i s = _mm256_xor_si256(w, _mm256_set1_epi8(-128));
  return {_mm256_abs_epi8(s), s};
}
inline __m256i dot_signed(__m256i acc, SignedCodes w, int32_t x) {
  return _mm256_add_epi32(acc, quads(w.size, _mm256_sign_epi8(_mm256_set1_epi32(x), w.sign)));
}

// Sums of two products each, in 16 bits: two of every lane's four, then the other two.
struct Shorts {
  __m256i a, b;
};
inline Shorts short_dot(U w, int32_t x) {
  const __m256i v = _mm256_set1_epi32(x);
  return {_mm256_maddubs_epi16(w.a, v), _mm256_maddubs_epi16(w.b, v)};
}
inline Shorts short_dot(Shorts acc, U w, int32_t x) {
  const Shorts t = short_dot(w, x);
  return {_mm256_add_epi16(acc.a, t.a), _mm256_add_epi16(acc.b, t.b)};
}
inline I add_pairs(I acc, Shorts t) {
  const __m256i one = _mm256_set1_epi16(1);
  return {_mm256_add_epi32(acc.a, _mm256_madd_epi16(t.a, one)),
          _mm256_add_epi32(acc.b, _mm256_madd_epi16(t.b, one))};
}

// The same value, of which the compiler knows nothing else.
template <class V>
inline V hidden(V x) {
  asm volatile("" : "+x"(x.a), "+x"(x.b));
  return x;
}
inline __m256i hidden(__m256i x) {
  asm volatile("" : "+x"(x));
  return x;
}

inline void in_order() {
  asm volatile("" ::: "memory");
}

inline void transpose_eight(__m256 (&r)[8]) {
  __m256 pairs[8], fours[8];
  for (int i = 0; i < 8; i += 2) {
    pairs[i] = _mm256_unpacklo_ps(r[i], r[i + 1]);
    pairs[i + 1] = _mm256_unpackhi_ps(r[i], r[i + 1]);
  }
  for (int i = 0; i < 8; i += 4) {
    fours[i] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0x44);
    fours[i + 1] = _mm256_shuffle_ps(pairs[i], pairs[i + 2], 0xee);
    fours[i + 2] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0x44);
    fours[i + 3] = _mm256_shuffle_ps(pairs[i + 1], pairs[i + 3], 0xee);
  }
  for (int i = 0; i < 4; ++i) {
    r[i] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x20);
    r[i + 4] = _mm256_permute2f128_ps(fours[i], fours[i + 4], 0x31);
  }
}
inline void transpose(F (&r)[16]) {
  __m256 quarter[2][2][8];  // [rows][columns] by eight
  for (int i = 0; i < 16; ++i) {
    quarter[i / 8][0][i % 8] = r[i].a;
    quarter[i / 8][1][i % 8] = r[i].b;
  }
  for (auto& rows : quarter) {
    for (auto& part : rows) transpose_eight(part);
  }
  for (int j = 0; j < 16; ++j) r[j] = {quarter[0][j / 8][j % 8], quarter[1][j / 8][j % 8]};
}

template <bool FirstCache>
inline void prefetch(const uint8_t* p) {
  _mm_prefetch(reinterpret_cast<const char*>(p), FirstCache ? _MM_HINT_T0 : _MM_HINT_T1);
}

}  // namespace
}  // namespace autark
