// What chips that route on the host share: the scores of one row and the masking of its groups (Chip::route).
#pragma once
#include <span>
#include "chips/chip.h"

namespace autark {

// p of one logit; softmax is not one, since it needs the whole row.
float routing_score(Routing::Score score, float logit);

// Sets `compared` to −∞ for every expert outside the groups that are kept. Equal groups: the lower one is
// kept.
void mask_groups(const Routing& how, std::span<float> compared);

// Our own mistakes: shapes that do not fit, more experts a row than may be chosen.
void check_routing(const Routing& how, const Tensor& logits, const Vector& bias, const Tensor& fixed);

// Softmax compares its logits where neither bias nor groups ask for more.
inline bool compares_logits(const Routing& how, bool biased) {
  return how.score == Routing::Score::softmax && !biased && how.groups <= how.groups_kept;
}

}  // namespace autark
