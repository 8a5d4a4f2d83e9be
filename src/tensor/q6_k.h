// Q6_K: 256 values in 210 bytes, 6.5625 bits each; sixteen runs of 16 with an int8 scale.
//   u8 ql[128] | u8 qh[64] | i8 scales[16] | f16 d
//   Each half of 128 values has 64 bytes of ql, 32 of qh and 8 scales. Its value 32k + l (k < 4, l < 32):
//   low four bits: byte l + 32 (k % 2) of ql, low half for k < 2, else high half
//   high two bits: bits 2k, 2k + 1 of byte l of qh
//   x = d scale[2k + l / 16] (q − 32)
#pragma once
#include "tensor/levels.h"
#include "tensor/minifloat.h"

namespace autark {

struct BlockQ6_K {
  static constexpr int kValues = 256;
  uint8_t ql[128];
  uint8_t qh[64];
  int8_t scales[16];
  uint16_t d;
};
static_assert(sizeof(BlockQ6_K) == 210);

inline void decode(const BlockQ6_K& b, float* x) {
  const float d = decode_f16(b.d);
  for (int half = 0; half < 2; ++half)
    for (int k = 0; k < 4; ++k) {
      const uint8_t *ql = b.ql + 64 * half + 32 * (k % 2), *qh = b.qh + 32 * half;
      const int shift = 4 * (k / 2);
      float* out = x + 128 * half + 32 * k;
      const int8_t* scales = b.scales + 8 * half + 2 * k;
      for (int l = 0; l < 32; ++l)
        out[l] = d * scales[l / 16] * ((ql[l] >> shift & 15) + 16 * (qh[l] >> 2 * k & 3) - 32);
    }
}

// Each run's scale gives its value of largest magnitude the code of −32, up to the rounding of the
// scale to int8.
inline void encode(const float* x, BlockQ6_K& b) {
  b = {};
  float scale[16];
  for (int r = 0; r < 16; ++r) scale[r] = extreme({x + 16 * r, 16}) / -32;
  b.d = encode_f16(std::abs(extreme(scale)) / 127);
  const float d = decode_f16(b.d);
  for (int r = 0; r < 16; ++r) b.scales[r] = static_cast<int8_t>(nearest_level(over(scale[r], d), -127, 127));
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, k = i % 128 / 32, l = i % 32;
    const int code = nearest_level(over(x[i], d * b.scales[i / 16]) + 32, 0, 63);
    b.ql[64 * half + 32 * (k % 2) + l] |= static_cast<uint8_t>((code & 15) << 4 * (k / 2));
    b.qh[32 * half + l] |= static_cast<uint8_t>(code >> 4 << 2 * k);
  }
}

}  // namespace autark
