// The cache records of tensor/v4_records.h, with the same bits, as loops over the floats' bits that a
// compiler turns into vectors; for every ISA.
#pragma once
#include "chips/cpu/v4_rounding-inl.h"

namespace autark {
namespace {

constexpr int64_t kRotaryPart = 64, kKvRun = 64, kKeyRun = 32;

inline uint32_t key_scale_code(const float* x) {
  constexpr float kLeast = 6 * 0x1p-126f;
  const float a = largest(x, kKeyRun);
  return scale_code(a > kLeast ? a : kLeast, 1.f / 6);
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
