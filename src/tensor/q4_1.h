// Q4_1: 32 values in 20 bytes, 5 bits each.
//   f16 d | f16 m | u8 q[16]: value i < 16 in the low half of byte i, value 16 + i in the high half
//   x = d q + m
#pragma once
#include "tensor/levels.h"
#include "tensor/minifloat.h"

namespace autark {

struct BlockQ4_1 {
  static constexpr int kValues = 32;
  uint16_t d, m;
  uint8_t q[16];
};
static_assert(sizeof(BlockQ4_1) == 20);

inline void decode(const BlockQ4_1& b, float* x) {
  const float d = decode_f16(b.d), m = decode_f16(b.m);
  for (int i = 0; i < 16; ++i) {
    x[i] = d * (b.q[i] & 15) + m;
    x[16 + i] = d * (b.q[i] >> 4) + m;
  }
}

inline void encode(const float* x, BlockQ4_1& b) {
  const auto [low, high] = std::minmax_element(x, x + 32);
  b.d = encode_f16((*high - *low) / 15);
  b.m = encode_f16(*low);
  const float d = decode_f16(b.d), m = decode_f16(b.m);
  const auto code = [&](float v) { return nearest_level(over(v - m, d), 0, 15); };
  for (int i = 0; i < 16; ++i) b.q[i] = static_cast<uint8_t>(code(x[i]) | code(x[16 + i]) << 4);
}

}  // namespace autark
