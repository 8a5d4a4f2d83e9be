// Kernels for any processor: plain loops that the compiler can vectorise for its baseline.
//
// Simple rather than fast: about 1 GFLOP/s per core on x86-64 without SSE4; bytes read as in
// kernels_avx512.cc. The includes are in order: each uses those above it.
#include "chips/cpu/lanes_generic.h"
//
#include "chips/cpu/rows-inl.h"
//
#include "chips/cpu/panels-inl.h"
//
#include "chips/cpu/dots-inl.h"
//
#include "chips/cpu/product-inl.h"
//
#include "chips/cpu/attention-inl.h"
//
#include "chips/cpu/delta-inl.h"
//
#include "chips/cpu/measure-inl.h"

namespace autark {
namespace {

constexpr Kernels kTable = {
    .isa = "generic",
    .tile_rows = kTileRows,
    .packed_rows = kFewRows,
    .packed_tile_rows = kPackedTileRows,
    .few_rows = kTileRows,
    .shared_panels = 2,
    .prefetch = Prefetch::by_rows,
    .rounded_name = "generic",
    .float_name = "generic",
    .float_isa = "generic",
    .bf16_name = nullptr,
    .round_row = round_row,
    .round_two_digits = round_two_digits,
    .hold_in_digits = hold_in_digits,
    .rounded_product = rounded_product,
    .float_product = float_product,
    .bf16_product = nullptr,
    .swaps_quads = false,
    .bf16_codes = false,
    .attend = attend,
    .rms_norm = rms_norm,
    .add = add,
    .glu = glu,
    .delta_rule = delta_rule,
    .conv_row = conv_row,
    .rotate = rotate,
    .encode = encode,
    .v4 = v4_kernels_generic,
    .read = read,
    .float_peak = float_peak,
    .int8_peak = int8_peak,
    .float_flops = 2.0 * kLanes * kPeakChains,
    .int8_ops = 2.0 * 4 * kLanes * kPeakChains * kPeakQuads,
};

}  // namespace

const Kernels& kernels_generic() {
  return kTable;
}

}  // namespace autark
