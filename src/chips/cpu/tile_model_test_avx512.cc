// For tests: the lanes of avx512 with products of rounded rows by modelled tiles.
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

namespace autark {

const Kernels& tile_model_avx512() {
  static const Kernels all = [] {
    Kernels k = with_tiles<ModelTiles, kernels_avx512>("avx512-tiles", "modelled tiles");
    use_bf16_tiles<ModelTiles>(k, "modelled bf16 tiles");
    return k;
  }();
  return all;
}

}  // namespace autark
