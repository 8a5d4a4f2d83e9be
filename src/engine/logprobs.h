// Log-probabilities of one position: log-softmax of the model's own logits.
#pragma once
#include <span>
#include "engine/engine.h"

namespace autark::engine {

// The chosen token's and those of the `top` most likely ones; equal ones by id.
Logprobs logprobs_of(std::span<const float> logits, int32_t chosen, int top);

}  // namespace autark::engine
