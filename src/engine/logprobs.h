// Log-probabilities of one position: log-softmax of the model's own logits.
#pragma once
#include <span>
#include "engine/engine.h"

namespace autark::engine {

// Of the chosen token and of the `top` most likely ones, ties ordered by id. O(V log top).
Logprobs logprobs_of(std::span<const float> logits, int32_t chosen, int top);

}  // namespace autark::engine
