// expand_e4m3() for tile_bf16-inl.h in plain C++, for tests of modelled tiles over lanes without pairs_avx512.h. Files of an
// ISA share no inline functions with others, so it has its own conversion (tensor/minifloat.h has the program's).
#pragma once
#include "chips/cpu/layout.h"

namespace autark {
namespace {

inline uint16_t bf16_of_e4m3(uint8_t code) {
  const uint32_t e = code >> 3 & 15, m = code & 7, sign = (code & 128u) << 8;
  if (e == 15 && m == 7) return static_cast<uint16_t>(sign | 0x7fc0);
  const float size = e ? static_cast<float>(8 + m) * static_cast<float>(1u << e) * 0x1p-10f
                       : static_cast<float>(m) * 0x1p-9f;
  uint32_t bits;
  __builtin_memcpy(&bits, &size, 4);
  return static_cast<uint16_t>(sign | bits >> 16);
}

// A block of a panel to pairs of bf16 values, out[pair][lane][2]: of every four inputs, 0 and 2, then 1 and 3.
inline void expand_e4m3(const uint8_t* codes, uint16_t* out) {
  for (int i = 0; i < kBlock; ++i) {
    const int pair = i / 4 * 2 + i % 2, second = i % 4 / 2;
    for (int lane = 0; lane < kLanes; ++lane)
      out[pair * 2 * kLanes + lane * 2 + second] = bf16_of_e4m3(codes[i / 4 * 64 + lane * 4 + i % 4]);
  }
}

}  // namespace
}  // namespace autark
