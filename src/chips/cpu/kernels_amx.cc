// Kernels for AMX with int8 and bf16 products (Sapphire Rapids and later): those of AVX-512, but products of more than eight rounded
// rows, of more than one of MXFP4 in two digits, and of bf16 values by tiles.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // GCC 12 warns about its own _mm512_undefined_ps
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
// The includes are in order: each uses those above it.
#include "chips/cpu/lanes_avx512.h"
//
#include "chips/cpu/panels-inl.h"
//
#include "chips/cpu/tile_product-inl.h"
//
#include "chips/cpu/pairs_avx512.h"
//
#include "chips/cpu/tile_bf16-inl.h"
//
#include "chips/cpu/tile_peak-inl.h"
#include "chips/cpu/unit_peaks.h"

namespace autark {
namespace {

Kernels table() {
  Kernels k = with_tiles<AmxTiles, kernels_avx512>("amx", "amx-int8 (up to 8 rows: avx512-vnni)");
  use_bf16_tiles<AmxTiles>(k, "amx-bf16");
  k.int8_peak = tile_peak<AmxTiles, Int8Dot>;
  k.int8_ops = tile_ops(kTileRowBytes);
  return k;
}

}  // namespace

const Kernels& kernels_amx() {
  static const Kernels k = table();
  return k;
}

UnitPeak tile_bf16_peak() {
  return {tile_peak<AmxTiles, Bf16Dot>, tile_ops(kTileRowBytes / 2)};
}

}  // namespace autark
