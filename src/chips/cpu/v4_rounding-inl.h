// What official code rounds, with the bits of tensor/bf16.h and tensor/minifloat.h, as loops over the floats' bits that a compiler
// turns into vectors; for every ISA. Values stay 32 bits wide: narrower ones cost more than the rounding.
#pragma once
#include "chips/cpu/v4_kernels.h"

namespace autark {
namespace {

inline uint32_t as_bits(float x) {
  uint32_t u;
  __builtin_memcpy(&u, &x, 4);
  return u;
}
inline float as_float(uint32_t u) {
  float x;
  __builtin_memcpy(&x, &u, 4);
  return x;
}

inline int32_t number_bits(float x) {  // of its magnitude; 0 for NaN
  const int32_t a = static_cast<int32_t>(as_bits(x) & 0x7fffffff);
  return a > 0x7f800000 ? 0 : a;
}
// The largest magnitude. NaN is passed over, infinity becomes the largest float.
inline float largest(const float* x, int64_t n) {
  int32_t tops[kLanes] = {};
  const int64_t whole = n / kLanes * kLanes;
  for (int64_t i = 0; i < whole; i += kLanes) {
    for (int64_t l = 0; l < kLanes; ++l) {
      const int32_t a = number_bits(x[i + l]);
      tops[l] = a > tops[l] ? a : tops[l];
    }
  }
  for (int64_t l = 0; l < n - whole; ++l) {
    const int32_t a = number_bits(x[whole + l]);
    tops[l] = a > tops[l] ? a : tops[l];
  }
  int32_t top = 0;
  for (const int32_t a : tops) top = a > top ? a : top;
  return as_float(static_cast<uint32_t>(top > 0x7f7fffff ? 0x7f7fffff : top));
}
// The UE8M0 code of the smallest power of two s with a / s ≤ 1 / inverse. REQUIRES: that is a normal float.
inline uint32_t scale_code(float a, float inverse) {
  const uint32_t u = as_bits(a * inverse);
  return (u >> 23) + ((u & 0x7fffff) != 0);
}
inline uint32_t kv_scale_code(const float* x, int64_t n) {
  const float a = largest(x, n);
  return scale_code(a > 1e-4f ? a : 1e-4f, 1.f / 448);
}
inline float power_of_code(uint32_t code) {
  return as_float(code == 255 ? 0x7fc00000 : code == 0 ? 0x00400000 : code << 23);
}
inline float inverse_power(uint32_t code) {
  return as_float((254 - code) << 23);
}

inline uint8_t e4m3_code(float x) {
  const uint32_t u = as_bits(x), sign = u >> 24 & 0x80, whole = u & 0x7fffffff;
  const uint32_t a = whole > 0x43e00000 ? 0x43e00000 : whole;  // 448
  const uint32_t normal = ((a + 0x7ffff + (a >> 20 & 1)) >> 20) - (120 << 3);
  const uint32_t tiny = as_bits(as_float(a) + 16384.f) - 0x46800000;  // in units of 2^−9
  const uint32_t code = a < 0x3c800000 ? tiny : normal;
  return static_cast<uint8_t>(sign | (whole > 0x7f800000 ? 0x7f : code));
}
inline float e4m3_value(uint8_t c) {
  const uint32_t m = c & 0x7fu;
  const float normal = as_float((m << 20) + (120u << 23));
  const float tiny = as_float((m << 20) + (121u << 23)) - 0x1p-6f;
  const uint32_t v = as_bits(m < 8 ? tiny : normal) | (c & 0x80u) << 24;
  return as_float(m == 0x7f ? 0x7fc00000 : v);
}
// The value of e4m3_code(x).
inline float e4m3_nearest(float x) {
  const uint32_t u = as_bits(x), sign = u & 0x80000000, whole = u & 0x7fffffff;
  const uint32_t a = whole > 0x43e00000 ? 0x43e00000 : whole;  // 448
  const uint32_t normal = (a + 0x7ffff + (a >> 20 & 1)) & 0xfff00000;
  const uint32_t tiny = as_bits((as_float(a) + 16384.f) - 16384.f);  // a multiple of 2^−9
  const uint32_t nearest = a < 0x3c800000 ? tiny : normal;
  return as_float(whole > 0x7f800000 ? 0x7fc00000 : nearest | sign);
}

inline float bf16_nearest(float x) {
  const uint32_t u = as_bits(x);
  const bool nan = (u & 0x7fffffff) > 0x7f800000;
  return as_float((nan ? u | 0x400000 : u + 0x7fff + (u >> 16 & 1)) & 0xffff0000);
}
inline uint16_t bf16_code(float x) {
  return static_cast<uint16_t>(as_bits(bf16_nearest(x)) >> 16);
}

void round_bf16(const float* x, int64_t n, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = bf16_nearest(x[i]);
}

void round_e4m3(const float* x, int64_t n, float* y) {
  const uint32_t scale = kv_scale_code(x, n);
  const float inverse = inverse_power(scale), power = power_of_code(scale);
  for (int64_t i = 0; i < n; ++i) y[i] = e4m3_nearest(x[i] * inverse) * power;
}

// The squares are summed in eight turns, so that all ISAs add in one order.
void head_norm(const float* x, int64_t n, float eps, float* y) {
  double squares[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (int64_t k = 0; k < 8; ++k) squares[k] += bf16_nearest(x[i + k] * x[i + k]);
  }
  for (; i < n; ++i) squares[i % 8] += bf16_nearest(x[i] * x[i]);
  double sum = 0;
  for (const double s : squares) sum += s;
  const float mean = bf16_nearest(static_cast<float>(sum / static_cast<double>(n)));
  const float r = bf16_nearest(1 / __builtin_sqrtf(bf16_nearest(mean + eps)));
  for (i = 0; i < n; ++i) y[i] = bf16_nearest(x[i] * r);
}

}  // namespace
}  // namespace autark
