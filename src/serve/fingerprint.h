// The system_fingerprint of answers: the same for the same program, model, kernels and rounding, which give
// the same bits for the same request; how many requests run beside it, threads and drafts change nothing.
#pragma once
#include <string>
#include "engine/engine.h"

namespace autark::serve {

// "fp_" and sixteen hexadecimal digits.
std::string fingerprint_of(const engine::ModelCard& card);

}  // namespace autark::serve
