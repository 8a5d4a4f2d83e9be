#include "base/version.h"

namespace autark {

const char* version() {
  return AUTARK_VERSION;  // set by CMake from the project's version
}

}  // namespace autark
