// Finds tensors that belong to a model although it has not asked for them: a bias or a norm that the config does
// not announce, a layer behind the last one that is no draft layer. Without them the model would not compute what
// it was trained to compute.
#pragma once
#include "weights/weights.h"

namespace autark {

// Names the first such tensor. `w` has been asked for everything that the model reads.
std::optional<Error> fault_of_unread(const Weights& w, int64_t layers);

}  // namespace autark
