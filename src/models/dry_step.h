// The cost of a model's step, counted by running the model file on the dry chip.
#pragma once
#include "chips/registry.h"
#include "models/model.h"

namespace autark {

// The cost of decoding one token after `behind` others, with the state in the formats that
// the model declares.
Cost cost_of_token(const Model& m, int64_t behind);

}  // namespace autark
