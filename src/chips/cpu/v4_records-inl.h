// The cache records of tensor/v4_records.h, with the same bits, as loops over the floats' bits that a
// compiler turns into vectors; for every ISA.
#pragma once
#include "chips/cpu/v4_kernels.h"

namespace autark {
namespace {

constexpr int64_t kRotaryPart = 64, kKvRun = 64, kKeyRun = 32;

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

inline float largest(const float* x, int64_t n) {  // magnitude; NaN is passed over
  uint32_t top = 0;
  for (int64_t i = 0; i < n; ++i) {
    uint32_t a = as_bits(x[i]) & 0x7fffffff;
    a = a > 0x7f800000 ? 0 : a;
    top = a > top ? a : top;
  }
  return as_float(top > 0x7f7fffff ? 0x7f7fffff : top);
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
inline uint32_t key_scale_code(const float* x) {
  constexpr float kLeast = 6 * 0x1p-126f;
  const float a = largest(x, kKeyRun);
  return scale_code(a > kLeast ? a : kLeast, 1.f / 6);
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

// a ≥ 0 to a multiple of its E2M1 step; the step is in `half`: a < 2, in `one`: a < 4, else two.
inline float e2m1_nearest(float a) {
  constexpr float kWhole = 8388608;  // 2^23: sums have no fraction
  const float half = ((a * 2 + kWhole) - kWhole) * 0.5f;
  const float one = (a + kWhole) - kWhole;
  const float two = ((a * 0.5f + kWhole) - kWhole) * 2;
  return a < 2 ? half : a < 4 ? one : two;
}
inline float e2m1_clamped(float x, float inverse) {
  const float a = __builtin_fabsf(x * inverse);
  return a < 6 ? a : 6;  // a NaN too
}
inline uint32_t e2m1_code(float nearest) {  // twice the value: 0 1 2 3 4 6 8 12
  const uint32_t twice = static_cast<uint32_t>(static_cast<int32_t>(nearest * 2));
  return twice < 5 ? twice : twice < 8 ? 5 : twice < 12 ? 6 : 7;
}

inline uint16_t bf16_code(float x) {
  const uint32_t u = as_bits(x);
  const bool nan = (u & 0x7fffffff) > 0x7f800000;
  return static_cast<uint16_t>(nan ? u >> 16 | 0x40 : (u + 0x7fff + (u >> 16 & 1)) >> 16);
}
void round_bf16(const float* x, int64_t n, float* y) {
  for (int64_t i = 0; i < n; ++i) y[i] = as_float(static_cast<uint32_t>(bf16_code(x[i])) << 16);
}

void round_e4m3(const float* x, int64_t n, float* y) {
  const uint32_t scale = kv_scale_code(x, n);
  const float inverse = inverse_power(scale), power = power_of_code(scale);
  for (int64_t i = 0; i < n; ++i) y[i] = e4m3_value(e4m3_code(x[i] * inverse)) * power;
}

void encode_kv(const float* x, int64_t n, unsigned char* row) {
  const int64_t coded = n - kRotaryPart, runs = coded / kKvRun;
  unsigned char* scales = row + coded + 2 * kRotaryPart;
  for (int64_t b = 0; b < runs; ++b) {
    const uint32_t scale = kv_scale_code(x + b * kKvRun, kKvRun);
    const float inverse = inverse_power(scale);
    scales[b] = static_cast<unsigned char>(scale);
    for (int64_t i = b * kKvRun; i < (b + 1) * kKvRun; ++i) row[i] = e4m3_code(x[i] * inverse);
  }
  for (int64_t b = runs; b < (runs + 7) / 8 * 8; ++b) scales[b] = 0;
  for (int64_t i = 0; i < kRotaryPart; ++i) {
    const uint16_t c = bf16_code(x[coded + i]);
    __builtin_memcpy(row + coded + 2 * i, &c, 2);
  }
}

void decode_kv(const unsigned char* row, int64_t n, float* x) {
  const int64_t coded = n - kRotaryPart, runs = coded / kKvRun;
  const unsigned char* scales = row + coded + 2 * kRotaryPart;
  for (int64_t b = 0; b < runs; ++b) {
    const float scale = power_of_code(scales[b]);
    for (int64_t i = b * kKvRun; i < (b + 1) * kKvRun; ++i) x[i] = e4m3_value(row[i]) * scale;
  }
  for (int64_t i = 0; i < kRotaryPart; ++i) {
    uint16_t c;
    __builtin_memcpy(&c, row + coded + 2 * i, 2);
    x[coded + i] = as_float(static_cast<uint32_t>(c) << 16);
  }
}

void encode_key(const float* x, int64_t n, unsigned char* row) {
  for (int64_t b = 0; b < n / kKeyRun; ++b) {
    const float* from = x + b * kKeyRun;
    const uint32_t scale = key_scale_code(from);
    const float inverse = inverse_power(scale);
    uint8_t code[kKeyRun];
    for (int64_t i = 0; i < kKeyRun; ++i)
      code[i] = static_cast<uint8_t>(e2m1_code(e2m1_nearest(e2m1_clamped(from[i], inverse))) |
                                     (as_bits(from[i]) >> 28 & 8));
    for (int64_t i = 0; i < kKeyRun / 2; ++i)
      row[b * kKeyRun / 2 + i] = static_cast<uint8_t>(code[2 * i] | code[2 * i + 1] << 4);
    row[n / 2 + b] = static_cast<uint8_t>(scale);
  }
}

void decode_key(const unsigned char* row, int64_t n, float* x) {
  static constexpr float kValue[16] = {0, .5f, 1, 1.5f, 2, 3, 4, 6, -0.f, -.5f, -1, -1.5f, -2, -3, -4, -6};
  for (int64_t i = 0; i < n; ++i)
    x[i] = kValue[row[i / 2] >> 4 * (i % 2) & 15] * power_of_code(row[n / 2 + i / kKeyRun]);
}

void quantise_key(const float* x, int64_t n, float* y) {
  for (int64_t b = 0; b < n; b += kKeyRun) {
    const uint32_t scale = key_scale_code(x + b);
    const float inverse = inverse_power(scale), power = power_of_code(scale);
    for (int64_t i = b; i < b + kKeyRun; ++i)
      y[i] =
          as_float(as_bits(e2m1_nearest(e2m1_clamped(x[i], inverse)) * power) | (as_bits(x[i]) & 0x80000000));
  }
}

}  // namespace
}  // namespace autark
