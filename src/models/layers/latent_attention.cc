#include "models/layers/latent_attention.h"

namespace autark {
namespace {

constexpr float kLatentEps = 1e-6f;  // of the two latent norms, whatever rms_norm_eps says

Vector bias(Weights& w, const LatentAttention::Sizes& s, const std::string& name, int64_t n, Cut cut) {
  return s.bias ? w.vector(name, {n}, cut) : Vector{};
}

}  // namespace

LatentAttention LatentAttention::load(Weights& w, const std::string& at, const Sizes& s) {
  const int64_t H = s.heads, Q = H * (s.plain + s.turned), C = s.latent;
  const Cut heads = Cut::heads(s.plain + s.turned);
  LatentAttention a{.sizes = s,
                    .kv_a = w.need(at + "kv_a_proj_with_mqa.weight", {C + s.turned, s.dim}),
                    .o = w.need(at + "o_proj.weight", {s.dim, H * s.value}, Cut::head_inputs(s.value)),
                    .kv_norm = w.vector(at + "kv_a_layernorm.weight", {C}),
                    .kv_a_bias = bias(w, s, at + "kv_a_proj_with_mqa.bias", C + s.turned, Cut::none),
                    .o_bias = bias(w, s, at + "o_proj.bias", s.dim, Cut::once)};
  if (s.query_rank > 0) {
    a.q_a = w.need(at + "q_a_proj.weight", {s.query_rank, s.dim});
    a.q_b = w.need(at + "q_b_proj.weight", {Q, s.query_rank}, heads);
    a.q_norm = w.vector(at + "q_a_layernorm.weight", {s.query_rank});
    a.q_a_bias = bias(w, s, at + "q_a_proj.bias", s.query_rank, Cut::none);
  } else {
    a.q = w.need(at + "q_proj.weight", {Q, s.dim}, heads);
  }
  if (s.split) {
    a.absorb_k = w.need_heads(at + "k_b_proj.heads.*.weight", {H, C, s.plain});
    a.absorb_v = w.need_heads(at + "v_b_proj.heads.*.weight", {H, s.value, C});
  } else {
    const Shape groups{H, s.plain + s.value, C};
    a.absorb_k = w.need_transposed_groups(at + "kv_b_proj.weight", groups, Cut::out, {0, s.plain});
    a.absorb_v = w.need_groups(at + "kv_b_proj.weight", groups, Cut::out, {s.plain, s.value});
  }
  return a;
}

std::vector<StateSpec> LatentAttention::state_specs() const {
  return {{.name = "latent", .row = {1, sizes.latent + sizes.turned}}};
}

Tensor LatentAttention::operator()(Step& s, int i, Tensor x, const Rope& rope) const {
  Chip& on = s.on;
  const int64_t C = sizes.latent, n = sizes.plain, r = sizes.turned;
  Tensor qs =
      q_a ? on.linear(on.rms_norm(on.linear(x, q_a, q_a_bias), q_norm, kLatentEps), q_b) : on.linear(x, q);
  qs = on.rope(qs.split(n + r), s.positions, rope);
  const Tensor kv = on.linear(x, kv_a, kv_a_bias);
  const Tensor c = on.rms_norm(on.slice(kv, 0, C), kv_norm, kLatentEps);
  const Tensor turned = on.rope(on.slice(kv, C, r).split(r), s.positions, rope);
  const Tensor row[] = {c.split(C), turned};
  const Tensor query[] = {on.grouped_linear(on.slice(qs, 0, n).join(), absorb_k).split(C),
                          on.slice(qs, n, r)};
  const Attend how{.scale = sizes.scale, .value_dim = C};
  const Tensor y = on.attention(on.concat(query), on.concat(row), {}, s.state(i, 0), {}, how);
  return on.all_sum(on.linear(on.grouped_linear(y.join(), absorb_v), o, o_bias));
}

}  // namespace autark
