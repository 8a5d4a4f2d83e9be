// Which kernel table runs here.
#pragma once
#include <string>
#include <string_view>
#include <vector>
#include "base/result.h"
#include "chips/cpu/kernels.h"

namespace autark {

// `wish`, else the environment's AUTARK_CPU, else the best this processor and system can run. A wish that is
// unknown or cannot be served here is an Error that lists what can.
Result<const Kernels*> kernels_for(std::string_view wish);

}  // namespace autark
