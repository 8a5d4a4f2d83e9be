// Q5_K: 256 values in 176 bytes, 5.5 bits each; eight runs of 32 with a six-bit scale and minimum.
//   f16 d | f16 dmin | u8 scales[12] (k_scales.h)
//   | u8 h[32]: bit j of byte i is the fifth bit of value i of run j
//   | u8 q[128]: runs 2g and 2g + 1 lie in bytes 32g … 32g + 31, low halves and high halves
//   x = d scale q − dmin min
#pragma once
#include "tensor/k_scales.h"

namespace autark {

struct BlockQ5_K {
  static constexpr int kValues = 256;
  uint16_t d, dmin;
  uint8_t scales[12];
  uint8_t h[32];
  uint8_t q[128];
};
static_assert(sizeof(BlockQ5_K) == 176);

inline void decode(const BlockQ5_K& b, float* x) {
  const float d = decode_f16(b.d), dmin = decode_f16(b.dmin);
  for (int j = 0; j < 8; ++j) {
    const auto [scale, min] = get_k_scale(b.scales, j);
    const float s = d * scale, m = dmin * min;
    const uint8_t* q = b.q + 32 * (j / 2);
    const int shift = 4 * (j % 2);
    for (int i = 0; i < 32; ++i) x[32 * j + i] = s * ((q[i] >> shift & 15) + 16 * (b.h[i] >> j & 1)) - m;
  }
}

inline void encode(const float* x, BlockQ5_K& b) {
  b = {};
  encode_k_scales(x, 31, b);
  for (int j = 0; j < 8; ++j) {
    const auto [scale, min] = get_k_scale(b.scales, j);
    const float s = decode_f16(b.d) * scale, m = decode_f16(b.dmin) * min;
    for (int i = 0; i < 32; ++i) {
      const int code = nearest_level(over(x[32 * j + i] + m, s), 0, 31);
      b.q[32 * (j / 2) + i] |= static_cast<uint8_t>((code & 15) << 4 * (j % 2));
      b.h[i] |= static_cast<uint8_t>(code >> 4 << j);
    }
  }
}

}  // namespace autark
