// The vector types of the kernels for any processor: 16 lanes of F (float) or I (int32), or U (64 bytes, four
// per lane). They are vectors of the compiler, which splits them into what the processor has; what no operator
// does is a loop over lanes. Byte 4 i of U is the lowest of lane i. fma() is not fused here: it rounds twice.
//
// Every lanes_<isa>.h defines the same functions; this one is their reference. Lane i is element i in memory.
// Loads and stores need no alignment. Those with a count n touch only the first n lanes; a load sets the
// others to zero.
#pragma once
#include <stdint.h>

// Loops over a tile, so that its sums stay in registers. Longer loops stay loops, which compile in half the time.
#if defined(__clang__)
#define AUTARK_UNROLL(n)
#else
#define AUTARK_PRAGMA_(text) _Pragma(#text)
#define AUTARK_UNROLL(n) AUTARK_PRAGMA_(GCC unroll(n > 4 ? 1 : n))
#endif
#define AUTARK_INLINE inline  // nothing of this ISA stays in registers

namespace autark {
namespace {

struct F {
  typedef float Lanes __attribute__((vector_size(64)));
  Lanes v;
};
struct I {
  typedef int32_t Lanes __attribute__((vector_size(64)));
  Lanes v;
};
struct U {
  typedef uint8_t Lanes __attribute__((vector_size(64)));
  Lanes v;
};
struct Quad {  // four inputs of 16 lanes
  F v[4];
};

constexpr int kTileRows = 2;  // rows of a product that share one load of the weights: as many as SSE2 holds
constexpr int kPackedTileRows = kTileRows;  // the same where codes are unpacked for a tile
constexpr int kTilePanels = 2;              // panels of a tile of many rows
constexpr int kAttendVectors = 4;           // vectors of positions or channels in a tile of attention
constexpr int kKeysEach = 2;                // index keys that share one load of the queries
constexpr bool kFused = false;              // whether fma() rounds once
constexpr bool kSignedFull = false;  // whether codes of eight bits are multiplied after 128 was subtracted

// op(i) in lane i.
template <class Op>
inline F lanes(Op op) {
  F y;
  for (int i = 0; i < 16; ++i) y.v[i] = op(i);
  return y;
}

inline F all(float x) {
  return {x - F::Lanes{}};
}
inline F zero() {
  return all(0);
}
inline F load(const float* p) {
  F y;
  __builtin_memcpy(&y.v, p, sizeof y.v);
  return y;
}
inline F load_floats(const uint8_t* p) {
  F y;
  __builtin_memcpy(&y.v, p, sizeof y.v);
  return y;
}
inline F load(const float* p, int64_t n) {
  if (n >= 16) return load(p);
  return lanes([=](int i) { return i < n ? p[i] : 0; });
}
inline void store(float* p, const F& x) {
  __builtin_memcpy(p, &x.v, sizeof x.v);
}
inline void store(float* p, const F& x, int64_t n) {
  for (int i = 0; i < 16 && i < n; ++i) p[i] = x.v[i];
}
inline F operator+(const F& a, const F& b) {
  return {a.v + b.v};
}
inline F operator-(const F& a, const F& b) {
  return {a.v - b.v};
}
inline F operator*(const F& a, const F& b) {
  return {a.v * b.v};
}
inline F operator/(const F& a, const F& b) {
  return {a.v / b.v};
}
inline F fma(const F& a, const F& b, const F& c) {
  return a * b + c;
}
// The second operand if one of the two is NaN.
inline F max(const F& a, const F& b) {
  return {a.v > b.v ? a.v : b.v};
}
inline F min(const F& a, const F& b) {
  return {a.v < b.v ? a.v : b.v};
}
inline F abs(const F& a) {
  return {(F::Lanes)((I::Lanes)a.v & 0x7fffffff)};
}
inline F nearest(const F& a) {  // for |a| < 2^22; ties to even
  return {(a.v + 12582912.f) - 12582912.f};
}
inline float power_of(int32_t e) {  // 2^e, −126 ≤ e ≤ 127
  const uint32_t bits = static_cast<uint32_t>(e + 127) << 23;
  float y;
  __builtin_memcpy(&y, &bits, 4);
  return y;
}
inline F scale_by_power(const F& a, const F& n) {  // −126 ≤ n ≤ 128; a NaN counts as 0
  return lanes([&](int i) {
    const int32_t e = n.v[i] == n.v[i] ? static_cast<int32_t>(n.v[i]) : 0;
    return a.v[i] * power_of(e / 2) * power_of(e - e / 2);
  });
}
// Factors that are powers of two. Products with them are exact from 2^-126 on.
struct Powers {
  F factors;
};
inline Powers powers(const F& x) {  // REQUIRES: powers of two, infinities or NaNs
  return {x};
}
inline Powers all_powers(float power, float /*exponent*/) {
  return {all(power)};
}
inline Powers operator*(const Powers& a, const Powers& b) {
  return {a.factors * b.factors};
}
inline F operator*(const F& a, const Powers& b) {
  return a * b.factors;
}
inline F fma(const F& a, const Powers& b, const F& c) {
  return fma(a, b.factors, c);
}
// Lane l of x if from ≤ l < to, else of `other`.
inline F between(const F& x, int64_t from, int64_t to, const F& other) {
  return lanes([&](int i) { return i >= from && i < to ? x.v[i] : other.v[i]; });
}
inline F zero_below(const F& x, const F& of, float limit) {  // 0 in lanes with of < limit, else x
  return lanes([&](int i) { return of.v[i] < limit ? 0 : x.v[i]; });
}
inline float sum_of(const F& a) {
  float s[8];
  for (int i = 0; i < 8; ++i) s[i] = a.v[i] + a.v[i + 8];
  return ((s[0] + s[4]) + (s[2] + s[6])) + ((s[1] + s[5]) + (s[3] + s[7]));
}
inline bool finite(const F& a) {  // no NaN, no infinity
  bool y = true;
  for (int i = 0; i < 16; ++i) y = y && __builtin_fabsf(a.v[i]) <= __FLT_MAX__;
  return y;
}
inline float max_of(const F& a) {
  float m = a.v[0];
  for (int i = 1; i < 16; ++i) m = m > a.v[i] ? m : a.v[i];
  return m;
}
inline int32_t sum_of(const I& a) {
  int32_t s = 0;
  for (int i = 0; i < 16; ++i) s += a.v[i];
  return s;
}

inline uint16_t u16_at(const uint8_t* p, int i) {
  uint16_t v;
  __builtin_memcpy(&v, p + 2 * i, 2);
  return v;
}
inline float from_bits(uint32_t bits) {
  float y;
  __builtin_memcpy(&y, &bits, 4);
  return y;
}
inline uint32_t bits_of(float x) {
  uint32_t u;
  __builtin_memcpy(&u, &x, 4);
  return u;
}
inline float from_f16(uint16_t h) {
  const uint32_t sign = (h & 0x8000u) << 16, body = h & 0x7fffu;
  if (body >= 0x7c00) return from_bits(sign | 0x7f800000u | (body & 0x3ff) << 13);
  if (body < 0x400) {  // subnormal: body · 2^−24
    const float y = static_cast<float>(body) * 5.9604644775390625e-8f;
    return sign ? -y : y;
  }
  return from_bits(sign | ((body << 13) + (112u << 23)));
}
inline uint16_t to_f16(float x) {  // to nearest, ties to even
  const uint32_t u = bits_of(x), sign = u >> 16 & 0x8000, body = u & 0x7fffffff;
  if (body > 0x7f800000) return static_cast<uint16_t>(sign | 0x7e00);
  if (body >= 0x47800000) return static_cast<uint16_t>(sign | 0x7c00);
  if (body < 0x38800000)  // below 2^−14: the sum's last place is 2^−24
    return static_cast<uint16_t>(sign | (bits_of(from_bits(body) + 0.5f) - 0x3f000000));
  const uint32_t r = body - (112u << 23);
  return static_cast<uint16_t>(sign | (r + 0xfff + (r >> 13 & 1)) >> 13);
}

inline F load_f16(const uint8_t* p) {
  return lanes([=](int i) { return from_f16(u16_at(p, i)); });
}
inline F load_bf16(const uint8_t* p) {
  return lanes([=](int i) { return from_bits(static_cast<uint32_t>(u16_at(p, i)) << 16); });
}
inline F load_u8(const uint8_t* p) {
  return lanes([=](int i) { return static_cast<float>(p[i]); });
}
inline F load_i8(const uint8_t* p) {
  return lanes([=](int i) { return static_cast<float>(static_cast<int8_t>(p[i])); });
}
// The first or the second value of each pair of bf16 values [lane][2].
inline F load_pair(const uint8_t* p, int second) {
  I pairs;
  __builtin_memcpy(&pairs.v, p, sizeof pairs.v);
  return {(F::Lanes)(second ? pairs.v & ~0xffff : pairs.v << 16)};
}
inline float from_e4m3(uint8_t c) {
  const uint32_t sign = (c & 0x80u) << 24, body = c & 0x7fu;
  if (body >= 8) return from_bits(sign | ((body << 20) + (120u << 23)));
  const float y = static_cast<float>(body) * 0x1p-9f;
  return sign ? -y : y;
}
// Codes of four inputs, byte b of each lane input b.
inline Quad load_e4m3(const uint8_t* p) {
  const auto input = [p](int b) { return lanes([=](int i) { return from_e4m3(p[4 * i + b]); }); };
  return {{input(0), input(1), input(2), input(3)}};
}
// The low or the high E2M1 codes of four inputs, byte b of each lane input b.
template <int High>
inline Quad load_e2m1(const uint8_t* p) {
  static constexpr float kValues[] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, 0, -0.5f, -1, -1.5f, -2, -3, -4, -6};
  const auto input = [p](int b) {
    return lanes([=](int i) { return kValues[p[4 * i + b] >> 4 * High & 15]; });
  };
  return {{input(0), input(1), input(2), input(3)}};
}
inline I load_bytes_as_ints(const uint8_t* p) {
  I y;
  for (int i = 0; i < 16; ++i) y.v[i] = p[i];
  return y;
}
// 2^(code − 127).
inline F e8m0(const I& code) {
  return lanes(
      [&](int i) { return from_bits(code.v[i] ? static_cast<uint32_t>(code.v[i]) << 23 : 0x00400000); });
}
inline void store_f16(uint8_t* p, const F& x) {
  for (int i = 0; i < 16; ++i) {
    const uint16_t h = to_f16(x.v[i]);
    __builtin_memcpy(p + 2 * i, &h, 2);
  }
}
inline void store_bf16(uint8_t* p, const F& x) {
  for (int i = 0; i < 16; ++i) {
    const uint32_t u = bits_of(x.v[i]);
    const uint16_t h = static_cast<uint16_t>((u + 0x7fff + (u >> 16 & 1)) >> 16);
    __builtin_memcpy(p + 2 * i, &h, 2);
  }
}

inline I int_all(int32_t x) {
  return {x - I::Lanes{}};
}
inline I int_zero() {
  return int_all(0);
}
inline I load_ints(const int32_t* p) {
  I y;
  __builtin_memcpy(&y.v, p, 64);
  return y;
}
inline I operator+(const I& a, const I& b) {
  return {a.v + b.v};
}
inline I operator-(const I& a, const I& b) {
  return {a.v - b.v};
}
inline I min(const I& a, const I& b) {
  return {a.v < b.v ? a.v : b.v};
}
inline I max(const I& a, const I& b) {
  return {a.v > b.v ? a.v : b.v};
}
inline bool any_above(const I& a, int32_t n) {
  for (int i = 0; i < 16; ++i) {
    if (a.v[i] > n) return true;
  }
  return false;
}
inline I shift_left(const I& a, const I& n) {  // 0 ≤ n < 32
  I y;
  for (int i = 0; i < 16; ++i) y.v[i] = static_cast<int32_t>(static_cast<uint32_t>(a.v[i]) << n.v[i]);
  return y;
}
// Multiplies by 2^n.
inline I shift_left(const I& a, int n) {
  return {a.v * (1 << n)};
}
inline F to_float(const I& a) {
  return {__builtin_convertvector(a.v, F::Lanes)};
}
inline F as_float(const I& a) {  // the floats of the same bits
  F y;
  __builtin_memcpy(&y.v, &a.v, 64);
  return y;
}
inline I to_int(const F& a) {  // |a| ≤ 127 here; ties to even
  return {__builtin_convertvector(nearest(a).v, I::Lanes)};
}
inline int32_t store_codes(int8_t* p, const I& a) {  // stores them as bytes and returns their sum
  int32_t sum = 0;
  for (int i = 0; i < 16; ++i) {
    p[i] = static_cast<int8_t>(a.v[i]);
    sum += a.v[i];
  }
  return sum;
}

inline U load_bytes(const uint8_t* p) {
  U y;
  __builtin_memcpy(&y.v, p, 64);
  return y;
}
inline void store_bytes(uint8_t* p, const U& a) {
  __builtin_memcpy(p, &a.v, 64);
}
inline U masked(const U& a, int mask) {
  return {a.v & static_cast<uint8_t>(mask)};
}
inline U minus(const U& a, int x) {  // each byte less x, modulo 256
  return {a.v - static_cast<uint8_t>(x)};
}
inline U either(const U& a, const U& b) {
  return {a.v | b.v};
}
// Shifts the bytes left by N bits, right by −N. Bits can move between bytes in other files; the caller
// masks them off.
template <int N>
inline U shifted(const U& a) {
  U y;
  for (int i = 0; i < 64; ++i)
    y.v[i] = static_cast<uint8_t>(N > 0 ? a.v[i] << (N > 0 ? N : 0) : a.v[i] >> (N < 0 ? -N : 0));
  return y;
}
// table[index] for each byte. REQUIRES: indices and the table's size are at most 15 and 16.
inline U looked_up(const U& index, const uint8_t* table) {
  U y;
  for (int i = 0; i < 64; ++i) y.v[i] = table[index.v[i] & 15];
  return y;
}
// The same with indices below 64 and a table of as many bytes.
inline U looked_up_64(const U& index, const uint8_t* table) {
  U y;
  for (int i = 0; i < 64; ++i) y.v[i] = table[index.v[i] & 63];
  return y;
}
inline U as_bytes(const I& a) {  // of the same bits
  U y;
  __builtin_memcpy(&y.v, &a.v, 64);
  return y;
}
template <int B>  // byte B of each lane, as a float
inline F byte_of(const U& a) {
  return {__builtin_convertvector((I::Lanes)a.v >> 8 * B & 0xff, F::Lanes)};
}
// Pairs of bf16 values, even ones first, of floats that bf16 holds.
inline U bf16_pairs(const F& even, const F& odd) {
  I a, b;
  __builtin_memcpy(&a.v, &even.v, 64);
  __builtin_memcpy(&b.v, &odd.v, 64);
  return as_bytes(I{(a.v >> 16 & 0xffff) | (b.v & ~0xffff)});
}
// Bytes 0 and 2, or 1 and 3, of each lane times those of x, as pairs of int16.
typedef int16_t Pairs __attribute__((vector_size(64)));
inline Pairs products(const U& w, int32_t x, int odd) {
  const int32_t q = x >> 8 * odd;
  const uint32_t first = static_cast<uint16_t>(static_cast<int8_t>(q));
  const uint32_t second = static_cast<uint32_t>(static_cast<int8_t>(q >> 16)) << 16;
  const I pair = int_all(static_cast<int32_t>(first | second));
  return (Pairs)((I::Lanes)w.v >> 8 * odd & 0x00ff00ff) * (Pairs)pair.v;
}
inline I::Lanes sum_of_pairs(Pairs p) {
  return ((I::Lanes)p << 16 >> 16) + ((I::Lanes)p >> 16);
}
// acc + Σ_b w[4·lane + b] · x_b in each lane, where x holds four int8 values. dot_small requires w < 64.
inline I dot_small(const I& acc, const U& w, int32_t x) {
  return {acc.v + sum_of_pairs(products(w, x, 0) + products(w, x, 1))};
}
inline I dot_full(const I& acc, const U& w, int32_t x) {
  return {acc.v + sum_of_pairs(products(w, x, 0)) + sum_of_pairs(products(w, x, 1))};
}

// The same value. Lanes that are several registers hide from the compiler that these are equal, for probes.
inline F hidden(const F& x) {
  return x;
}

// Keeps the compiler from moving loads to before it, where it would run out of registers.
inline void in_order() {}

// Transposes 16 × 16 floats, one row per vector.
inline void transpose(F (&r)[16]) {
  for (int i = 0; i < 16; ++i) {
    for (int j = 0; j < i; ++j) {
      const float t = r[i].v[j];
      r[i].v[j] = r[j].v[i];
      r[j].v[i] = t;
    }
  }
}

template <bool FirstCache>
inline void prefetch(const uint8_t* p) {
  __builtin_prefetch(p, 0, FirstCache ? 3 : 2);
}

}  // namespace
}  // namespace autark
