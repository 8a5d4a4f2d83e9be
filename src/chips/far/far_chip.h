// A chip whose memory is closed to the host, for tests. It computes what `ref` computes, bit for bit, but its
// tensors, its state and its copies of the weights lie in pages that nobody may touch: they are open only
// within the chip's own verbs, and to work on the host as far as it names its operands. What follows an
// address behind the chip's back, or forgets an operand, ends the process.
#pragma once
#include "base/result.h"
#include "chips/registry.h"

namespace autark {

Result<std::unique_ptr<Chip>> make_far_chip(const ChipOptions& options);

}  // namespace autark
