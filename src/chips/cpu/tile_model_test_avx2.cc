// For tests: the lanes of avx2 with products of rounded rows by modelled tiles.
// The includes are in order: each uses those above it.
#include "chips/cpu/lanes_avx2.h"
//
#include "chips/cpu/panels-inl.h"
//
#include "chips/cpu/tile_product-inl.h"
//
#include "chips/cpu/e4m3_testing.h"
//
#include "chips/cpu/tile_bf16-inl.h"

namespace autark {

const Kernels& tile_model_avx2() {
  static const Kernels all = [] {
    Kernels k = with_tiles<ModelTiles, kernels_avx2>("avx2-tiles", "modelled tiles");
    use_bf16_tiles<ModelTiles>(k, "modelled bf16 tiles");
    return k;
  }();
  return all;
}

}  // namespace autark
