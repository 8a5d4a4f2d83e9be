// The version of this program, for example "0.1.0".
#pragma once

namespace autark {

const char* version();

}  // namespace autark
