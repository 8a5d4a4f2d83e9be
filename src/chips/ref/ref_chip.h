// The oracle chip: float32 values, float64 sums, one thread, no SIMD. Runs every verb at once.
#pragma once
#include <memory>
#include "chips/chip.h"
#include "cluster/comm.h"

namespace autark {

std::unique_ptr<Chip> make_ref_chip(Comm* comm = nullptr);

}  // namespace autark
