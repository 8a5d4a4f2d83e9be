// Kernels for AVX-512 with F, BW, DQ, VL, VBMI, VNNI and BF16 (Sapphire Rapids, Zen 4 and later).
//
// Cost of a rounded product for a panel of 16 outputs × 32 inputs: 8 vpdpbusd and 3-4 float operations. Bytes
// read: 8.5 bits per weight for Q8_0, 5.5 for Q5_0, 4.6 for Q4_K, 6.6 for Q6_K. With one row a block takes
// about 10 cycles, so decoding is limited by memory. With many rows Zen 4 is limited by the two of its four
// vector pipes that multiply, so the bound is 8 of 10 cycles for Q8_0, 8 of 11 for Q4_K, 8 of 12 for Q6_K, 8 of
// 9 for MXFP4; with two digits 8 of 17 for Q8_0 and 8 of 16 for MXFP4. Additions, conversions and vscalefps take
// the other two pipes.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // GCC 12 warns about its own _mm512_undefined_ps
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
// The includes are in order: each uses those above it.
#include "chips/cpu/lanes_avx512.h"
//
#include "chips/cpu/rows-inl.h"
//
#include "chips/cpu/panels-inl.h"
//
#include "chips/cpu/dots-inl.h"
//
#include "chips/cpu/product-inl.h"
//
#include "chips/cpu/pairs_avx512.h"
//
#include "chips/cpu/product_bf16-inl.h"
//
#include "chips/cpu/attention-inl.h"
//
#include "chips/cpu/delta-inl.h"
//
#include "chips/cpu/measure-inl.h"

namespace autark {
namespace {

constexpr Kernels kTable = {
    .isa = "avx512",
    .tile_rows = kTileRows,
    .packed_rows = kFewRows,
    .packed_tile_rows = kPackedTileRows,
    .few_rows = kPackedTileRows,
    .shared_panels = 2,
    .prefetch = Prefetch::by_rows,
    .rounded_name = "avx512-vnni",
    .float_name = "avx512-fma",
    .float_isa = "avx512",
    .bf16_name = "avx512-bf16",
    .round_row = round_row,
    .round_two_digits = round_two_digits,
    .hold_in_digits = hold_in_digits,
    .rounded_product = rounded_product,
    .float_product = float_product,
    .bf16_product = bf16_product,
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
    .v4 = v4_kernels_avx512,
    .read = read,
    .float_peak = float_peak,
    .int8_peak = int8_peak,
    .float_flops = 2.0 * kLanes * kPeakChains,
    .int8_ops = 2.0 * 4 * kLanes * kPeakChains * kPeakQuads,
};

}  // namespace

const Kernels& kernels_avx512() {
  static const Kernels k = for_this_core(kTable);
  return k;
}

}  // namespace autark
