// The vector types of the kernels as AVX-512 registers. Included once, by kernels_avx512.cc. lanes_generic.h
// says what the functions do.
#pragma once
#include <immintrin.h>
#include <stdint.h>
#include "chips/cpu/unroll.h"

namespace autark {
namespace {

struct F {
  __m512 v;
};
struct I {
  __m512i v;
};
struct U {
  __m512i v;
};
struct Quad {  // four inputs of 16 lanes
  F v[4];
};

constexpr int kTileRows = 6;         // rows of a product that share one load of the weights
constexpr int kPackedTileRows = 8;   // the same where codes are unpacked for a tile
constexpr int kTilePanels = 2;       // panels of a tile of many rows
constexpr int kAttendVectors = 4;    // vectors of positions or channels in a tile of attention
constexpr int kKeysEach = 4;         // index keys that share one load of the queries
constexpr bool kFused = true;        // whether fma() rounds once
constexpr bool kSignedFull = false;  // whether codes of eight bits are multiplied after 128 was subtracted

inline __mmask16 first(int64_t n) {
  return n >= 16 ? 0xffff : static_cast<__mmask16>((1u << n) - 1);
}

inline F zero() {
  return {_mm512_setzero_ps()};
}
inline F all(float x) {
  return {_mm512_set1_ps(x)};
}
inline F load(const float* p) {
  return {_mm512_loadu_ps(p)};
}
inline F load_floats(const uint8_t* p) {
  return {_mm512_loadu_ps(p)};
}
inline F load(const float* p, int64_t n) {
  return {_mm512_maskz_loadu_ps(first(n), p)};
}
inline void store(float* p, F x) {
  _mm512_storeu_ps(p, x.v);
}
inline void store(float* p, F x, int64_t n) {
  _mm512_mask_storeu_ps(p, first(n), x.v);
}
inline F operator+(F a, F b) {
  return {_mm512_add_ps(a.v, b.v)};
}
inline F operator-(F a, F b) {
  return {_mm512_sub_ps(a.v, b.v)};
}
inline F operator*(F a, F b) {
  return {_mm512_mul_ps(a.v, b.v)};
}
inline F operator/(F a, F b) {
  return {_mm512_div_ps(a.v, b.v)};
}
inline F fma(F a, F b, F c) {
  return {_mm512_fmadd_ps(a.v, b.v, c.v)};
}
// The second operand if one of the two is NaN.
inline F max(F a, F b) {
  return {_mm512_max_ps(a.v, b.v)};
}
inline F min(F a, F b) {
  return {_mm512_min_ps(a.v, b.v)};
}
inline F abs(F a) {
  return {_mm512_abs_ps(a.v)};
}
inline F nearest(F a) {
  return {_mm512_roundscale_ps(a.v, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)};
}
inline F scale_by_power(F a, F n) {
  return {_mm512_scalef_ps(a.v, n.v)};
}
// Their exponents: products with vscalefps take the ports of Zen 4 that those of codes leave free.
struct Powers {
  F exponents;
};
inline Powers powers(F x) {
  return {{_mm512_getexp_ps(x.v)}};
}
inline Powers all_powers(float, float exponent) {
  return {all(exponent)};
}
inline Powers operator*(Powers a, Powers b) {
  return {a.exponents + b.exponents};
}
inline F operator*(F a, Powers b) {
  return scale_by_power(a, b.exponents);
}
inline F fma(F a, Powers b, F c) {
  return a * b + c;
}
// Lane l of x if from ≤ l < to, else of `other`.
inline F between(F x, int64_t from, int64_t to, F other) {
  const __mmask16 m = (to <= 0 ? 0 : first(to)) & ~(from <= 0 ? 0 : first(from));
  return {_mm512_mask_blend_ps(m, other.v, x.v)};
}
inline F zero_below(F x, F of, float limit) {  // 0 in lanes with of < limit, else x
  return {_mm512_mask_blend_ps(_mm512_cmp_ps_mask(of.v, _mm512_set1_ps(limit), _CMP_LT_OQ), x.v,
                               _mm512_setzero_ps())};
}
inline float sum_of(F a) {
  const __m256 h = _mm256_add_ps(_mm512_castps512_ps256(a.v), _mm512_extractf32x8_ps(a.v, 1));
  const __m128 q = _mm_add_ps(_mm256_castps256_ps128(h), _mm256_extractf128_ps(h, 1));
  const __m128 d = _mm_add_ps(q, _mm_movehl_ps(q, q));
  return _mm_cvtss_f32(_mm_add_ss(d, _mm_movehdup_ps(d)));
}
inline bool finite(F a) {
  return _mm512_fpclass_ps_mask(a.v, 0x99) == 0;
}  // no NaN, no infinity
inline float max_of(F a) {
  return _mm512_reduce_max_ps(a.v);
}
inline int32_t sum_of(I a) {
  return _mm512_reduce_add_epi32(a.v);
}

inline F load_f16(const uint8_t* p) {
  return {_mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)))};
}
inline F load_bf16(const uint8_t* p) {
  const __m256i h = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(p));
  return {_mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(h), 16))};
}
inline F load_u8(const uint8_t* p) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
}
inline F load_i8(const uint8_t* p) {
  return {_mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))))};
}
// The first or the second value of each pair of bf16 values [lane][2].
inline F load_pair(const uint8_t* p, int second) {
  const __m512i z = _mm512_loadu_si512(p);
  return {_mm512_castsi512_ps(second ? _mm512_and_si512(z, _mm512_set1_epi32(-65536))
                                     : _mm512_slli_epi32(z, 16))};
}
// |x| below 2^-6 was read as 2^-7 (1 + m / 8), but subnormal codes mean 2^-6 m / 8.
inline F with_subnormals(F x) {
  const __m512i sign = _mm512_and_si512(_mm512_castps_si512(x.v), _mm512_set1_epi32(INT32_MIN));
  const __m512 one = _mm512_castsi512_ps(_mm512_or_si512(sign, _mm512_castps_si512(_mm512_set1_ps(0x1p-6f))));
  const __mmask16 small = _mm512_cmp_ps_mask(_mm512_abs_ps(x.v), _mm512_set1_ps(0x1p-6f), _CMP_LT_OQ);
  return {_mm512_mask_sub_ps(x.v, small, _mm512_add_ps(x.v, x.v), one)};
}
// As bf16 values, the E4M3 codes in the upper byte of each 16 bits, as if all had their leading 1.
inline __m512i normal_e4m3(__m512i z) {
  return _mm512_add_epi16(
      _mm512_and_si512(_mm512_srai_epi16(z, 4), _mm512_set1_epi16(static_cast<short>(0x87f0))),
      _mm512_set1_epi16(120 << 7));
}
// Codes of four inputs, byte b of each lane input b.
inline Quad load_e4m3(const uint8_t* p) {
  const auto low = [](__m512i z) { return F{_mm512_castsi512_ps(_mm512_slli_epi32(z, 16))}; };
  const auto high = [](__m512i z) {
    return F{_mm512_castsi512_ps(_mm512_and_si512(z, _mm512_set1_epi32(-65536)))};
  };
  const __m512i z = _mm512_loadu_si512(p);
  const __m512i odd = normal_e4m3(z), even = normal_e4m3(_mm512_slli_epi16(z, 8));
  Quad w{{low(even), low(odd), high(even), high(odd)}};
  if (__builtin_expect(_mm512_testn_epi8_mask(z, _mm512_set1_epi8(0x78)) != 0, 0)) {
    for (F& x : w.v) x = with_subnormals(x);
  }
  return w;
}
// The low or the high E2M1 codes of four inputs, byte b of each lane input b.
template <int High>
inline Quad load_e2m1(const uint8_t* p) {
  const __m512 values = _mm512_setr_ps(0, 0.5f, 1, 1.5f, 2, 3, 4, 6, 0, -0.5f, -1, -1.5f, -2, -3, -4, -6);
  const __m512i z = _mm512_loadu_si512(p);
  const auto input = [&](auto shifted_codes) { return F{_mm512_permutexvar_ps(shifted_codes, values)}; };
  return {{input(High ? _mm512_srli_epi32(z, 4) : z), input(_mm512_srli_epi32(z, 8 + 4 * High)),
           input(_mm512_srli_epi32(z, 16 + 4 * High)), input(_mm512_srli_epi32(z, 24 + 4 * High))}};
}
inline I load_bytes_as_ints(const uint8_t* p) {
  return {_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)))};
}
inline F e8m0(I code) {
  const __m512i bits = _mm512_slli_epi32(code.v, 23);
  return {_mm512_castsi512_ps(
      _mm512_mask_blend_epi32(_mm512_test_epi32_mask(code.v, code.v), _mm512_set1_epi32(0x00400000), bits))};
}
inline void store_f16(uint8_t* p, F x) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtps_ph(x.v, _MM_FROUND_TO_NEAREST_INT));
}
inline void store_bf16(uint8_t* p, F x) {
  const __m512i u = _mm512_castps_si512(x.v);
  const __m512i odd = _mm512_and_si512(_mm512_srli_epi32(u, 16), _mm512_set1_epi32(1));
  const __m512i r = _mm512_add_epi32(_mm512_add_epi32(u, _mm512_set1_epi32(0x7fff)), odd);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), _mm512_cvtepi32_epi16(_mm512_srli_epi32(r, 16)));
}

inline I int_zero() {
  return {_mm512_setzero_si512()};
}
inline I int_all(int32_t x) {
  return {_mm512_set1_epi32(x)};
}
inline I load_ints(const int32_t* p) {
  return {_mm512_loadu_si512(p)};
}
inline I operator+(I a, I b) {
  return {_mm512_add_epi32(a.v, b.v)};
}
inline I operator-(I a, I b) {
  return {_mm512_sub_epi32(a.v, b.v)};
}
inline I min(I a, I b) {
  return {_mm512_min_epi32(a.v, b.v)};
}
inline I max(I a, I b) {
  return {_mm512_max_epi32(a.v, b.v)};
}
inline bool any_above(I a, int32_t n) {
  return _mm512_cmpgt_epi32_mask(a.v, _mm512_set1_epi32(n)) != 0;
}
inline I shift_left(I a, I n) {
  return {_mm512_sllv_epi32(a.v, n.v)};
}
inline I shift_left(I a, int n) {
  return {_mm512_sll_epi32(a.v, _mm_cvtsi32_si128(n))};
}
inline F to_float(I a) {
  return {_mm512_cvtepi32_ps(a.v)};
}
inline F as_float(I a) {
  return {_mm512_castsi512_ps(a.v)};
}
inline I to_int(F a) {
  return {_mm512_cvtps_epi32(a.v)};
}
inline int32_t store_codes(int8_t* p, I a) {  // stores them as bytes and returns their sum
  const __m128i c = _mm512_cvtepi32_epi8(a.v);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), c);
  const __m128i s = _mm_sad_epu8(_mm_xor_si128(c, _mm_set1_epi8(-128)), _mm_setzero_si128());
  return _mm_cvtsi128_si32(s) + _mm_extract_epi16(s, 4) - 16 * 128;
}

inline U load_bytes(const uint8_t* p) {
  return {_mm512_loadu_si512(p)};
}
inline void store_bytes(uint8_t* p, U a) {
  _mm512_storeu_si512(p, a.v);
}
inline U masked(U a, int mask) {
  return {_mm512_and_si512(a.v, _mm512_set1_epi8(mask))};
}
inline U minus(U a, int x) {
  return {_mm512_sub_epi8(a.v, _mm512_set1_epi8(static_cast<char>(x)))};
}
inline U either(U a, U b) {
  return {_mm512_or_si512(a.v, b.v)};
}
template <int N>  // in 16-bit units: bits can move between bytes
inline U shifted(U a) {
  if constexpr (N > 0) return {_mm512_slli_epi16(a.v, N)};
  if constexpr (N < 0) return {_mm512_srli_epi16(a.v, -N)};
  return a;
}
inline U looked_up(U index, const uint8_t* table) {
  const __m128i t = _mm_loadu_si128(reinterpret_cast<const __m128i*>(table));
  return {_mm512_shuffle_epi8(_mm512_broadcast_i32x4(t), index.v)};
}
inline U looked_up_64(U index, const uint8_t* table) {
  return {_mm512_permutexvar_epi8(index.v, _mm512_loadu_si512(table))};
}
inline U as_bytes(I a) {
  return {a.v};
}
template <int B>  // byte B of each lane, as a float
inline F byte_of(U a) {
  return {_mm512_cvtepi32_ps(_mm512_and_si512(_mm512_srli_epi32(a.v, 8 * B), _mm512_set1_epi32(255)))};
}
// Pairs of bf16 values, even ones first, of floats that bf16 holds.
inline U bf16_pairs(F even, F odd) {
  return {_mm512_mask_blend_epi16(0xaaaaaaaa, _mm512_srli_epi32(_mm512_castps_si512(even.v), 16),
                                  _mm512_castps_si512(odd.v))};
}
inline I dot_small(I acc, U w, int32_t x) {
  return {_mm512_dpbusd_epi32(acc.v, w.v, _mm512_set1_epi32(x))};
}
inline I dot_full(I acc, U w, int32_t x) {
  return dot_small(acc, w, x);
}

inline F hidden(F x) {  // its lanes are one register
  return x;
}
inline void in_order() {
  asm volatile("" ::: "memory");
}

inline void transpose(F (&r)[16]) {
  __m512 t[16];
  AUTARK_UNROLL(16)
  for (int i = 0; i < 16; i += 2) {
    t[i] = _mm512_unpacklo_ps(r[i].v, r[i + 1].v);
    t[i + 1] = _mm512_unpackhi_ps(r[i].v, r[i + 1].v);
  }
  AUTARK_UNROLL(4)
  for (int i = 0; i < 16; i += 4) {
    const __m512d a = _mm512_castps_pd(t[i]), b = _mm512_castps_pd(t[i + 1]);
    const __m512d c = _mm512_castps_pd(t[i + 2]), d = _mm512_castps_pd(t[i + 3]);
    r[i].v = _mm512_castpd_ps(_mm512_unpacklo_pd(a, c));
    r[i + 1].v = _mm512_castpd_ps(_mm512_unpackhi_pd(a, c));
    r[i + 2].v = _mm512_castpd_ps(_mm512_unpacklo_pd(b, d));
    r[i + 3].v = _mm512_castpd_ps(_mm512_unpackhi_pd(b, d));
  }
  AUTARK_UNROLL(4)
  for (int i = 0; i < 4; ++i) {  // r[4 g + i] holds column i of each 4-lane group, rows 4 g …
    const __m512 a = _mm512_shuffle_f32x4(r[i].v, r[4 + i].v, 0x88);
    const __m512 b = _mm512_shuffle_f32x4(r[i].v, r[4 + i].v, 0xdd);
    const __m512 c = _mm512_shuffle_f32x4(r[8 + i].v, r[12 + i].v, 0x88);
    const __m512 d = _mm512_shuffle_f32x4(r[8 + i].v, r[12 + i].v, 0xdd);
    t[i] = _mm512_shuffle_f32x4(a, c, 0x88);
    t[8 + i] = _mm512_shuffle_f32x4(a, c, 0xdd);
    t[4 + i] = _mm512_shuffle_f32x4(b, d, 0x88);
    t[12 + i] = _mm512_shuffle_f32x4(b, d, 0xdd);
  }
  AUTARK_UNROLL(16)
  for (int i = 0; i < 16; ++i) r[i].v = t[i];
}

template <bool FirstCache>
inline void prefetch(const uint8_t* p) {
  _mm_prefetch(reinterpret_cast<const char*>(p), FirstCache ? _MM_HINT_T0 : _MM_HINT_T1);
}

}  // namespace
}  // namespace autark
