// How much memory this process may use, by the kernel and by the limits it was started under.
#pragma once
#include <cstdint>
#include <filesystem>

namespace autark::engine {

struct Memory {
  int64_t total = 0;  // of the machine, or the smallest limit of its control groups if that is less
  int64_t free = 0;   // that can be had without swapping, in the machine and in each group
  std::filesystem::path limited_by;  // the file of the control group that allows less than the machine has
};
Memory memory_now();

}  // namespace autark::engine
