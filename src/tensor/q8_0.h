// Q8_0: 32 values in 34 bytes, 8.5 bits each.
//   f16 d | i8 q[32]        x = d q
#pragma once
#include "tensor/levels.h"
#include "tensor/minifloat.h"

namespace autark {

struct BlockQ8_0 {
  static constexpr int kValues = 32;
  uint16_t d;
  int8_t q[32];
};
static_assert(sizeof(BlockQ8_0) == 34);

inline void decode(const BlockQ8_0& b, float* x) {
  const float d = decode_f16(b.d);
  for (int i = 0; i < 32; ++i) x[i] = d * b.q[i];
}

inline void encode(const float* x, BlockQ8_0& b) {
  b.d = encode_f16(std::abs(extreme({x, 32})) / 127);
  const float d = decode_f16(b.d);
  for (int i = 0; i < 32; ++i) b.q[i] = static_cast<int8_t>(nearest_level(over(x[i], d), -127, 127));
}

}  // namespace autark
