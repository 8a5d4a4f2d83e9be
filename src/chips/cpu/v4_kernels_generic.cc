// V4 kernels for any processor.
#include "chips/cpu/lanes_generic.h"
//
#include "chips/cpu/v4_kernels-inl.h"

namespace autark {

const V4Kernels& v4_kernels_generic() {
  return kV4Table;
}

}  // namespace autark
