#include "models/layers/sigmoid_experts.h"

namespace autark {
namespace {

// A number whose key can be null.
int64_t number(const ConfigFile& f, const std::string& key, int64_t absent, int64_t null) {
  return f.value(key, f.mentions(key) ? null : absent);
}

}  // namespace

MixtureOfExperts::Sizes read_sigmoid_experts(const ConfigFile& f, int64_t dim,
                                             const SigmoidExpertDefaults& absent) {
  const int64_t width = f.int_or("moe_intermediate_size", absent.width);
  const MixtureOfExperts::Sizes sizes{
      .experts = f.int_or("n_routed_experts", absent.experts),
      .dim = dim,
      .width = width,
      .shared = width * number(f, "n_shared_experts", 1, 0),
      .routing = {.score = Routing::Score::sigmoid,
                  .k = int(f.int_or("num_experts_per_tok", absent.chosen)),
                  .groups = int(number(f, "n_group", absent.groups, 1)),
                  .groups_kept = int(number(f, "topk_group", absent.groups_kept, 1)),
                  .renormalise = f.value("norm_topk_prob", true),
                  .scale = float(f.value("routed_scaling_factor", absent.scale)),
                  .sum_least = 1e-20f}};
  check_sigmoid(f);
  check_experts(f, sizes);
  return sizes;
}

void check_sigmoid(const ConfigFile& f) {
  if (const std::string score = f.value("scoring_func", "sigmoid"); score != "sigmoid")
    f.refuse("scoring_func is '" + score + "', sigmoid is expected");
}

}  // namespace autark
