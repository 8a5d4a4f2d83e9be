// How much memory this process may use, according to /proc/meminfo and the limits of its control groups.
#pragma once
#include <cstdint>
#include <filesystem>

namespace autark::engine {

// In bytes.
struct Memory {
  int64_t total = 0;  // of the machine, or the smallest limit of the control groups if that is less
  int64_t free = 0;   // available without swapping, in the machine and in each control group
  // The file with the limit of the control group that allows less than the machine has; empty: none does.
  std::filesystem::path limited_by;
};
// Reads the files anew on every call.
Memory memory_now();

// Half of the free memory, for the state of sequences. The kernel counts mapped weights as free, because it can
// read them from the disk again, but they are needed at every token. Where they leave little, a 32nd.
int64_t memory_for_state(int64_t free, int64_t mapped_weights);

}  // namespace autark::engine
