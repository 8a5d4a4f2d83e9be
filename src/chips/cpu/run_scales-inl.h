// Runs of MXFP4: four blocks, 128 inputs, of one panel. All scales of these weights are powers of two. In official runs
// the activations of a run share one as well (layout.h), so the sum of a whole run is an integer times a power of two: each
// block's sum is shifted by the distance of its scale from the run's least one, and the run is rounded once.
//
// Distances of more than kMostShift would not fit the operands of matrix tiles. Where a lane of a panel has one, the
// panel's blocks of this run stand alone: each is rounded by itself, in all lanes. prepare.cc gives zeros a scale with which
// they do not stand alone, and where one scale is the code 255, which is no number, the same to the whole run.
#pragma once
#include "chips/cpu/panels-inl.h"

namespace autark {
namespace {

constexpr int32_t kMostShift = 3;

struct RunScales {
  RunScales() = default;
  // code(i): E8M0, of block i of `blocks`.
  template <class Code>
  RunScales(int64_t blocks, Code code) {
    I most = least = code(0);
    for (int64_t i = 1; i < blocks; ++i) least = min(least, code(i)), most = max(most, code(i));
    alone = any_above(most - least, kMostShift);
  }
  I shift(I code) const { return code - least; }  // of a block's sum
  // What a sum is multiplied by: a run's, or that of a block that stands alone. Weights are stored doubled.
  F d() const { return d(least); }
  static F d(I code) { return e8m0(code) * all(0.5f); }

  I least = int_zero();
  bool alone = false;
};

// The scales of block i of a run whose first block's are at `scales`.
inline I run_code(const uint8_t* scales, int64_t i) {
  return load_bytes_as_ints(scales + i * layout_of(Kind::mxfp4).scale);
}

}  // namespace
}  // namespace autark
