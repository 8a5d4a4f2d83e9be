// Kernels for AVX2 with FMA and F16C (Haswell, Zen and later). A vector of 16 lanes is two registers.
//
// Cost of a rounded product for a panel of 16 outputs × 32 inputs and a row: 16 times vpmaddubsw and vpaddw, and 2 times
// vpmaddwd and vpaddd for codes below 16, 4 times below 32, 8 times below 64. Codes of 8 bits: 16 times vpsignb, vpmaddubsw,
// vpmaddwd, vpaddd. Bytes as in kernels_avx512.cc. The includes are in order: each uses those above it.
#include "chips/cpu/lanes_avx2.h"
//
#include "chips/cpu/rows-inl.h"
//
#include "chips/cpu/panels-inl.h"
//
#include "chips/cpu/short_dots-inl.h"
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
    .isa = "avx2",
    .tile_rows = kTileRows,
    .packed_rows = kFewRows,
    .packed_tile_rows = kPackedTileRows,
    .few_rows = kTileRows,
    .shared_panels = 2,
    .prefetch = Prefetch::by_rows,
    .rounded_name = "avx2",
    .float_name = "avx2-fma",
    .float_isa = "avx2",
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
    .v4 = v4_kernels_avx2,
    .read = read,
    .float_peak = float_peak,
    .int8_peak = int8_peak,
    .float_flops = 2.0 * kLanes * kPeakChains,
    .int8_ops = 2.0 * 4 * kLanes * kPeakChains * kPeakQuads,
};

}  // namespace

const Kernels& kernels_avx2() {
  static const Kernels k = for_this_core(kTable);
  return k;
}

}  // namespace autark
