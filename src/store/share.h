// The share of one owner in a limit that several owners have in common.
#pragma once
#include <cstdint>

namespace autark::storage {

// Whether an owner may have `used` of a limit of which `free` is left after it: at most three times what is left. So
// one owner alone gets three quarters, several get equal shares, and there is always room for one more owner.
constexpr bool is_within_share(int64_t used, int64_t free) {
  return free >= 0 && used / 3 <= free;
}

}  // namespace autark::storage
