// Q4_0: 32 values in 18 bytes, 4.5 bits each.
//   f16 d | u8 q[16]: value i < 16 in the low half of byte i, value 16 + i in the high half
//   x = d (q − 8)
#pragma once
#include "tensor/levels.h"
#include "tensor/minifloat.h"

namespace autark {

struct BlockQ4_0 {
  static constexpr int kValues = 32;
  uint16_t d;
  uint8_t q[16];
};
static_assert(sizeof(BlockQ4_0) == 18);

inline void decode(const BlockQ4_0& b, float* x) {
  const float d = decode_f16(b.d);
  for (int i = 0; i < 16; ++i) {
    x[i] = d * ((b.q[i] & 15) - 8);
    x[16 + i] = d * ((b.q[i] >> 4) - 8);
  }
}

// d is chosen such that the value of largest magnitude has the code 0, which is −8.
inline void encode(const float* x, BlockQ4_0& b) {
  b.d = encode_f16(extreme({x, 32}) / -8);
  const float d = decode_f16(b.d);
  const auto code = [&](float v) { return nearest_level(over(v, d) + 8, 0, 15); };
  for (int i = 0; i < 16; ++i) b.q[i] = static_cast<uint8_t>(code(x[i]) | code(x[16 + i]) << 4);
}

}  // namespace autark
