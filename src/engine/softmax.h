// Passes over the logits of one row: the largest of them, the weights of a softmax, sums. They go over four values at a time and
// in a fixed order, so that they are fast and have the same bits with every compiler and ISA.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace autark::engine {

// The id of the largest logit; the lowest such id if there are several; 0 if all are NaN.
// REQUIRES: logits is not empty
int32_t argmax(std::span<const float> logits);
// False if any value is NaN or infinite.
bool all_finite(std::span<const float> logits);

// weights[i] = e^((logits[i] − max) / temperature) within 2e-7 (relative), 0 if that is below e^−87. `inverse` is 1 / temperature.
// REQUIRES: max is finite, no logit is larger; both spans have the same size and may be one
void softmax_weights(std::span<const float> logits, float max, float inverse, std::span<float> weights);
double sum_of(std::span<const float> x);
// log Σ e^logits[i], within 2e-7.
// REQUIRES: the logits are finite
double log_sum_exp(std::span<const float> logits);

// Appends the ids of all values of at least `least`, by rising id.
void append_at_least(float least, std::span<const float> x, std::vector<int32_t>& ids);
// Replaces `ids` by those of the k largest values, the largest first, the lower id first if there are several. −∞ is not among
// them. O(V + k log k) unless most values are equal.
// REQUIRES: k > 0
void largest(std::span<const float> x, int64_t k, std::vector<int32_t>& ids);

}  // namespace autark::engine
