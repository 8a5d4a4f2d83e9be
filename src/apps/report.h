// How commands end: an error is one line on standard error and an exit code.
#pragma once
#include <string>
#include "base/result.h"

namespace autark::apps {

// Prints "autark: message"; 1.
int fail(const Error& error);

}  // namespace autark::apps
