// The experts of DeepSeek-V3 and of models that took them over (arXiv:2412.19437): the keys of their configs and
// the names of their tensors.
//
//   p = σ(W_router x);  of p + bias, the topk_group groups with the largest sums of two stay, then the k largest
//   w = routed_scaling_factor · p / Σ p of the chosen (with norm_topk_prob)
#pragma once
#include "models/layers/mixture_of_experts.h"

namespace autark {

inline constexpr MixtureOfExperts::Names kSigmoidExpertNames{.bias = "gate.e_score_correction_bias",
                                                             .shared = "shared_experts."};

// What absent keys mean in a family.
struct SigmoidExpertDefaults {
  int64_t experts, chosen, width, groups, groups_kept;
  double scale;
};

// Sizes and routing for `dim` channels. Refuses other scores than the sigmoid, and sizes that do not fit.
MixtureOfExperts::Sizes read_sigmoid_experts(const ConfigFile& f, int64_t dim,
                                             const SigmoidExpertDefaults& absent);
// Refuses a scoring_func that is not the sigmoid.
void check_sigmoid(const ConfigFile& f);

}  // namespace autark
