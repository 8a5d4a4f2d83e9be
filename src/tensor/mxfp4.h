// MXFP4: 32 values in 17 bytes, 4.25 bits each (OCP Microscaling 1.0).
//   u8 e (UE8M0)
//   | u8 q[16]: E2M1 codes, value i < 16 in the low half of byte i, value 16 + i in the high half
//   x = 2^(e − 127) · E2M1(q)
#pragma once
#include "tensor/levels.h"
#include "tensor/minifloat.h"

namespace autark {

struct BlockMxfp4 {
  static constexpr int kValues = 32;
  uint8_t e;
  uint8_t q[16];
};
static_assert(sizeof(BlockMxfp4) == 17);

inline constexpr float kE2m1[16] = {0, 0.5f, 1, 1.5f, 2, 3, 4, 6, -0.f, -0.5f, -1, -1.5f, -2, -3, -4, -6};

inline void decode(const BlockMxfp4& b, float* x) {
  const float scale = decode_ue8m0(b.e);
  for (int i = 0; i < 16; ++i) {
    x[i] = scale * kE2m1[b.q[i] & 15];
    x[16 + i] = scale * kE2m1[b.q[i] >> 4];
  }
}

// The scale's exponent is that of the largest magnitude minus 2, the exponent of E2M1's largest number (6).
inline void encode(const float* x, BlockMxfp4& b) {
  const float a = std::abs(extreme({x, 32}));
  b.e = a > 0 && std::isfinite(a) ? static_cast<uint8_t>(std::clamp(std::ilogb(a) - 2 + 127, 0, 254)) : 0;
  const float scale = decode_ue8m0(b.e);
  for (int i = 0; i < 16; ++i)
    b.q[i] = static_cast<uint8_t>(encode_e2m1(x[i] / scale) | encode_e2m1(x[16 + i] / scale) << 4);
}

}  // namespace autark
