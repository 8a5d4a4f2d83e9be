// What a step of a model costs, counted by running the model file on the dry chip.
#pragma once
#include "chips/registry.h"
#include "models/model.h"

namespace autark {

// Of decoding one token behind `behind` others, state kept in the records that the model declares.
Cost cost_of_token(const Model& m, int64_t behind);

}  // namespace autark
