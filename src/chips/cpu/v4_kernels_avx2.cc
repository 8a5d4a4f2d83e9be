// V4 kernels for AVX2 with FMA and F16C.
#include "chips/cpu/lanes_avx2.h"
//
#include "chips/cpu/v4_kernels-inl.h"

namespace autark {

const V4Kernels& v4_kernels_avx2() {
  return kV4Table;
}

}  // namespace autark
