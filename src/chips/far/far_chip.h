// For tests: a chip whose memory is closed to the host. It computes what `ref` computes, bit for bit, but its
// tensors, its state and its copies of the weights are in pages without access rights. The pages are open
// only inside the chip's own verbs and, for declared operands, inside work on the host. Code that follows an
// address behind the chip's back, or does not declare an operand, faults and ends the process.
#pragma once
#include "base/result.h"
#include "chips/registry.h"

namespace autark {

Result<std::unique_ptr<Chip>> make_far_chip(const ChipOptions& options);

}  // namespace autark
