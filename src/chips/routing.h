// Shared by chips that route on the host: the score of a logit and the masking of groups (Chip::route).
#pragma once
#include <span>
#include "chips/chip.h"

namespace autark {

// p of one logit. REQUIRES: not softmax, which needs the whole row.
float routing_score(Routing::Score score, float logit);

// Sets `compared` to −∞ for every expert outside the kept groups. Of groups with equal sums the lower
// one is kept.
void mask_groups(const Routing& how, std::span<float> compared);

// Stops the process if shapes do not fit or k is larger than the number of experts that a row can choose.
void check_routing(const Routing& how, const Tensor& logits, const Vector& bias, const Tensor& fixed);

// True if softmax may compare logits instead of probabilities: neither bias nor groups need the latter.
inline bool compares_logits(const Routing& how, bool biased) {
  return how.score == Routing::Score::softmax && !biased && how.groups <= how.groups_kept;
}

}  // namespace autark
