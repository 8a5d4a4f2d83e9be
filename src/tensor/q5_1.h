// Q5_1: 32 values in 24 bytes, 6 bits each.
//   f16 d | f16 m | u8 h[4]: bit i of the little-endian u32 is the fifth bit of value i
//   | u8 q[16]: low four bits, value i < 16 in the low half of byte i, value 16 + i in the high half
//   x = d q + m
#pragma once
#include "tensor/levels.h"
#include "tensor/minifloat.h"

namespace autark {

struct BlockQ5_1 {
  static constexpr int kValues = 32;
  uint16_t d, m;
  uint8_t h[4];
  uint8_t q[16];
};
static_assert(sizeof(BlockQ5_1) == 24);

inline void decode(const BlockQ5_1& b, float* x) {
  const float d = decode_f16(b.d), m = decode_f16(b.m);
  for (int i = 0; i < 32; ++i) {
    const int low = b.q[i % 16] >> 4 * (i / 16) & 15, high = b.h[i / 8] >> i % 8 & 1;
    x[i] = d * (low + 16 * high) + m;
  }
}

inline void encode(const float* x, BlockQ5_1& b) {
  const auto [low, high] = std::minmax_element(x, x + 32);
  b = {.d = encode_f16((*high - *low) / 31), .m = encode_f16(*low)};
  const float d = decode_f16(b.d), m = decode_f16(b.m);
  for (int i = 0; i < 32; ++i) {
    const int code = nearest_level(over(x[i] - m, d), 0, 31);
    b.q[i % 16] |= static_cast<uint8_t>((code & 15) << 4 * (i / 16));
    b.h[i / 8] |= static_cast<uint8_t>(code >> 4 << i % 8);
  }
}

}  // namespace autark
