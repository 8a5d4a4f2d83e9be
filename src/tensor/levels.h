// What the encoders of block formats share: the nearest whole number of a range, and a division that gives
// 0 for an empty scale.
#pragma once
#include <algorithm>
#include <cmath>
#include <span>

namespace autark {

// NaN becomes lo.
inline int nearest_level(float x, int lo, int hi) {
  return !(x > lo) ? lo : x < hi ? static_cast<int>(std::lround(x)) : hi;
}

inline float over(float x, float scale) {
  return scale == 0 ? 0 : x / scale;
}

// The value furthest from 0, with its sign.
inline float extreme(std::span<const float> x) {
  return *std::ranges::max_element(x, {}, [](float v) { return std::abs(v); });
}

}  // namespace autark
