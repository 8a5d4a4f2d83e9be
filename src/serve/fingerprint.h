// The system_fingerprint of answers. Equal fingerprints mean the same program, model, kernels and
// rounding, and so the same answer to the same request with the same seed. Other requests, threads
// and drafts do not matter.
#pragma once
#include <string>
#include "engine/engine.h"

namespace autark::serve {

// "fp_" and sixteen hexadecimal digits.
std::string fingerprint_of(const engine::ModelCard& card);

}  // namespace autark::serve
