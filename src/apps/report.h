// How commands end and what they warn of: an error is one line on standard error and an exit code.
#pragma once
#include <string>
#include "base/result.h"

namespace autark::apps {

// Prints "autark: message"; 1.
int fail(const Error& error);

// Says so on standard error where `threads`, as asked for, are more than the control groups grant time for.
void warn_of_threads(int threads);

}  // namespace autark::apps
