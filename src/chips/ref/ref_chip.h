// The oracle chip: float32 values, float64 sums, one thread, no SIMD. Runs every verb at once. `inputs` is
// f32 or official.
#pragma once
#include <memory>
#include "chips/chip.h"
#include "cluster/comm.h"

namespace autark {

std::unique_ptr<Chip> make_ref_chip(Comm* comm = nullptr, Rounding::Inputs inputs = Rounding::Inputs::f32);

}  // namespace autark
