// For tests: the lanes of generic with products of rounded rows by modelled tiles.
// The includes are in order: each uses those above it.
#include "chips/cpu/lanes_generic.h"
//
#include "chips/cpu/panels-inl.h"
//
#include "chips/cpu/tile_product-inl.h"

namespace autark {

const Kernels& tile_model_generic() {
  static const Kernels k = with_tiles<ModelTiles, kernels_generic>("generic-tiles", "modelled tiles");
  return k;
}

}  // namespace autark
