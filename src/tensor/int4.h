// INT4 in groups of 32, as "compressed-tensors" packs it: 32 columns in 16 bytes and a scale that lies in another tensor,
// 4.5 bits each.
//   u8 q[16]: codes c + 8, even column in the low half       x = c d
//   bf16 d
#pragma once
#include "tensor/bf16.h"
#include "tensor/levels.h"

namespace autark {

inline void decode_int4(const uint8_t* q, uint16_t d, float* x) {
  const float scale = decode_bf16(d);
  for (int i = 0; i < 32; ++i) x[i] = scale * static_cast<float>((q[i / 2] >> 4 * (i % 2) & 15) - 8);
}

// Returns the scale.
inline uint16_t encode_int4(const float* x, uint8_t* q) {
  const uint16_t d = encode_bf16(std::abs(extreme({x, 32})) / 7);
  const auto code = [&](int i) { return nearest_level(over(x[i], decode_bf16(d)), -8, 7) + 8; };
  for (int i = 0; i < 16; ++i) q[i] = static_cast<uint8_t>(code(2 * i) | code(2 * i + 1) << 4);
  return d;
}

}  // namespace autark
