// 64-bit FNV-1a hash: identifies versions of a thing. It does not protect against deliberate collisions.
#pragma once
#include <cstdint>
#include <string_view>

namespace autark {

inline constexpr uint64_t kFnvSeed = 14695981039346656037u;

// `hash`: of the bytes before, for texts in pieces.
inline uint64_t fnv1a(std::string_view bytes, uint64_t hash = kFnvSeed) {
  for (const char c : bytes) hash = (hash ^ uint8_t(c)) * 1099511628211u;
  return hash;
}

}  // namespace autark
