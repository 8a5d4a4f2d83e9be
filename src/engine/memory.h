// How much memory this process may use, by the kernel and by the limits it was started under.
#pragma once
#include <cstdint>

namespace autark::engine {

struct Memory {
  int64_t total = 0;     // of the machine, or of the control group if that is less
  int64_t free = 0;      // that can be had without swapping
  bool limited = false;  // a control group allows less than the machine has
};
Memory memory_now();

}  // namespace autark::engine
