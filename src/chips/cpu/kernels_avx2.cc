// Kernels for AVX2 with FMA and F16C (Haswell, Zen and later). A vector of 16 lanes is two registers.
//
// Cost of a rounded product for a panel of 16 outputs × 32 inputs: 16 times vpmaddubsw, vpmaddwd, vpaddd
// (Q8_0 also vpsignb and vpabsb), so a third of the int8 rate of VNNI; bytes as in kernels_avx512.cc. The
// includes are in order: each uses those above it.
#include "chips/cpu/lanes_avx2.h"
//
#include "chips/cpu/rows-inl.h"
//
#include "chips/cpu/panels-inl.h"
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
    .few_rows = kTileRows,
    .rounded_name = "avx2",
    .float_name = "avx2-fma",
    .float_isa = "avx2",
    .bf16_name = nullptr,
    .round_row = round_row,
    .round_two_digits = round_two_digits,
    .rounded_product = rounded_product,
    .float_product = float_product,
    .bf16_product = nullptr,
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
    .float_flops = 2.0 * kLanes * kChains,
    .int8_ops = 2.0 * 4 * kLanes * kChains,
};

}  // namespace

const Kernels& kernels_avx2() {
  return kTable;
}

}  // namespace autark
