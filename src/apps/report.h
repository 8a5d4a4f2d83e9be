// Errors and warnings of commands, on standard error.
#pragma once
#include <string>
#include "base/result.h"

namespace autark::apps {

// Prints "autark: MESSAGE" and returns the exit code 1.
int fail(const Error& error);

// Warns if `threads`, as the user gave it, is more than the control groups grant processor time for.
void warn_of_threads(int threads);

}  // namespace autark::apps
