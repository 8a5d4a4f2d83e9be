// Time as the platform sees it.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>

namespace autark::platform {

// Microseconds since 1970, UTC. May go backwards.
using Micros = int64_t;
inline constexpr Micros kSecond = 1'000'000, kMinute = 60 * kSecond, kDay = 24 * 60 * kMinute;

using Clock = std::function<Micros()>;

inline Micros system_now() {
  return std::chrono::duration_cast<std::chrono::microseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace autark::platform
