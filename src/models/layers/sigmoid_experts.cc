#include "models/layers/sigmoid_experts.h"

namespace autark {

MixtureOfExperts::Sizes read_sigmoid_experts(const ConfigFile& f, int64_t dim) {
  const int64_t width = f.need_int("moe_intermediate_size");
  const MixtureOfExperts::Sizes sizes{.experts = f.need_int("n_routed_experts"),
                                      .dim = dim,
                                      .width = width,
                                      .shared = width * f.value("n_shared_experts", 0),
                                      .routing = {.score = Routing::Score::sigmoid,
                                                  .k = int(f.need_int("num_experts_per_tok")),
                                                  .groups = int(f.value("n_group", 1)),
                                                  .groups_kept = int(f.value("topk_group", 1)),
                                                  .renormalise = f.value("norm_topk_prob", true),
                                                  .scale = float(f.value("routed_scaling_factor", 1.0)),
                                                  .sum_least = 1e-20f}};
  if (const std::string score = f.value("scoring_func", "sigmoid"); score != "sigmoid")
    f.refuse("scoring_func is '" + score + "', sigmoid is expected");
  check_experts(f, sizes);
  return sizes;
}

}  // namespace autark
