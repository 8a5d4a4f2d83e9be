// Shared by the encoders of block formats: rounding to a whole number in a range, division by a scale that
// can be zero, and the value of largest magnitude.
#pragma once
#include <algorithm>
#include <cmath>
#include <span>

namespace autark {

// x rounded to the nearest whole number, limited to lo … hi. NaN becomes lo.
inline int nearest_level(float x, int lo, int hi) {
  return !(x > lo) ? lo : x < hi ? static_cast<int>(std::lround(x)) : hi;
}

inline float over(float x, float scale) {  // 0 for a zero scale: the whole block is zero then
  return scale == 0 ? 0 : x / scale;
}

// The value of largest magnitude, with its sign. REQUIRES: x is not empty.
inline float extreme(std::span<const float> x) {
  return *std::ranges::max_element(x, {}, [](float v) { return std::abs(v); });
}

}  // namespace autark
