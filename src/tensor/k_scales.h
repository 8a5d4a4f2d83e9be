// The twelve bytes of Q4_K and Q5_K that hold eight six-bit scales and eight six-bit minima (j is the run):
//   j < 4:  scale = b[j] & 63                              min = b[j + 4] & 63
//   j ≥ 4:  scale = b[j + 4] & 15 | (b[j − 4] >> 6) << 4   min = b[j + 4] >> 4 | (b[j] >> 6) << 4
#pragma once
#include <algorithm>
#include <cstdint>
#include "tensor/levels.h"
#include "tensor/minifloat.h"

namespace autark {

struct KScale {  // of one run of 32 values, each from 0 to 63
  int scale, min;
};

inline KScale get_k_scale(const uint8_t* b, int j) {
  if (j < 4) return {b[j] & 63, b[j + 4] & 63};
  return {(b[j + 4] & 15) | b[j - 4] >> 6 << 4, b[j + 4] >> 4 | b[j] >> 6 << 4};
}

// Writes run j into a zeroed table. REQUIRES: both numbers are below 64.
inline void put_k_scale(uint8_t* b, int j, KScale s) {
  if (j < 4) {
    b[j] |= static_cast<uint8_t>(s.scale);
    b[j + 4] |= static_cast<uint8_t>(s.min);
  } else {
    b[j + 4] |= static_cast<uint8_t>((s.scale & 15) | (s.min & 15) << 4);
    b[j - 4] |= static_cast<uint8_t>(s.scale >> 4 << 6);
    b[j] |= static_cast<uint8_t>(s.min >> 4 << 6);
  }
}

// Sets d, dmin and the scales of a block from its 256 values, for codes from 0 to `top`. REQUIRES: b
// is all zero.
template <class Block>
void encode_k_scales(const float* x, int top, Block& b) {
  float scale[8], min[8];
  for (int j = 0; j < 8; ++j) {
    const auto [low, high] = std::minmax_element(x + 32 * j, x + 32 * (j + 1));
    min[j] = std::max(0.f, -*low);
    scale[j] = (std::max(*high, -min[j]) + min[j]) / top;
  }
  b.d = encode_f16(*std::max_element(scale, scale + 8) / 63);
  b.dmin = encode_f16(*std::max_element(min, min + 8) / 63);
  for (int j = 0; j < 8; ++j)
    put_k_scale(b.scales, j,
                {nearest_level(over(scale[j], decode_f16(b.d)), 0, 63),
                 nearest_level(over(min[j], decode_f16(b.dmin)), 0, 63)});
}

}  // namespace autark
