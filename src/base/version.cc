#include "base/version.h"

namespace autark {

const char* version() {
  return AUTARK_VERSION;  // the project's, by CMake
}

}  // namespace autark
