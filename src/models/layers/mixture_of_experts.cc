#include "models/layers/mixture_of_experts.h"

namespace autark {

MixtureOfExperts MixtureOfExperts::load(Weights& w, const std::string& at, const Sizes& sizes,
                                        const Names& names) {
  const int64_t E = sizes.experts, D = sizes.dim, F = sizes.width;
  MixtureOfExperts m{.routing = sizes.routing,
                     .router = w.need(at + names.router, {E, D}),
                     .gate = w.need(at + names.gate, {E, F, D}, Cut::out),
                     .up = w.need(at + names.up, {E, F, D}, Cut::out),
                     .down = w.need(at + names.down, {E, D, F}, Cut::in)};
  if (names.bias) m.bias = w.vector(at + names.bias, {E});
  if (names.shared && sizes.shared > 0)
    m.shared = GatedMlp::load(w, at + names.shared, D, sizes.shared, sizes.shared_bias);
  return m;
}

Tensor MixtureOfExperts::operator()(Step& s, int i, Tensor x) const {
  Chip& on = s.on;
  const Choice to = on.route(on.linear(x, router, router_bias), bias, {}, routing);
  s.note(i, "router_ids", to.ids);
  s.note(i, "router_weights", to.weights);
  const Tensor y = on.all_sum(on.moe(x, to, gate, up, down, act, limit, biases));
  return shared.gate ? on.add(y, shared(s, x)) : y;
}

void check_experts(const ConfigFile& f, const MixtureOfExperts::Sizes& sizes) {
  const Routing& r = sizes.routing;
  if (r.k < 1 || r.k > sizes.experts)
    f.refuse("a token cannot choose " + std::to_string(r.k) + " of " + std::to_string(sizes.experts) +
             " experts");
  const bool fits = r.groups >= 1 && r.groups_kept >= 1 && r.groups_kept <= r.groups &&
                    sizes.experts % r.groups == 0 && r.groups <= 256;
  if (!fits || r.k > sizes.experts / r.groups * r.groups_kept)
    f.refuse(std::to_string(sizes.experts) + " experts in " + std::to_string(r.groups) +
             " groups, of which " + std::to_string(r.groups_kept) + " are kept, do not fit");
  if (sizes.width < 1 || sizes.shared < 0) f.refuse("the width of the experts is not positive");
}

}  // namespace autark
