// V4 kernels for AVX-512 with F, BW, DQ, VL and VNNI.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"  // GCC 12 finds fault with its own _mm512_undefined_ps
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include "chips/cpu/lanes_avx512.h"
//
#include "chips/cpu/v4_kernels-inl.h"

namespace autark {

const V4Kernels& v4_kernels_avx512() {
  return kV4Table;
}

}  // namespace autark
