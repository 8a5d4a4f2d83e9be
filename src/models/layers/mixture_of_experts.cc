#include "models/layers/mixture_of_experts.h"

namespace autark {

MixtureOfExperts MixtureOfExperts::load(Weights& w, const std::string& at, const Sizes& sizes) {
  const int64_t E = sizes.experts, D = sizes.dim, F = sizes.width;
  return {.routing = {.k = int(sizes.chosen), .renormalise = sizes.renormalise},
          .router = w.need(at + "gate.weight", {E, D}),
          .gate = w.need(at + "experts.*.gate_proj.weight", {E, F, D}, Cut::out),
          .up = w.need(at + "experts.*.up_proj.weight", {E, F, D}, Cut::out),
          .down = w.need(at + "experts.*.down_proj.weight", {E, D, F}, Cut::in)};
}

Tensor MixtureOfExperts::operator()(Step& s, int i, Tensor x) const {
  Choice to = s.on.route(s.on.linear(x, router), {}, {}, routing);
  s.note(i, "router_ids", to.ids);
  s.note(i, "router_weights", to.weights);
  return s.on.all_sum(s.on.moe(x, to, gate, up, down));
}

}  // namespace autark
