// Selects the kernel table for this machine.
#pragma once
#include <string>
#include <string_view>
#include <vector>
#include "base/result.h"
#include "chips/cpu/kernels.h"

namespace autark {

// The table of ISA `wish`; if empty, of the environment variable AUTARK_CPU, else the best that this
// processor and system can run. An unknown or unsupported ISA is an Error that lists the supported ones.
Result<const Kernels*> kernels_for(std::string_view wish);

// For tests: kernels_for finds `k` too, by its name only. Call it before another thread calls kernels_for. This
// processor must be able to run `k`, which is borrowed for ever.
void add_kernels(const Kernels& k);

}  // namespace autark
