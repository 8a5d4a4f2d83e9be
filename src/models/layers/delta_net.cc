#include "models/layers/delta_net.h"

namespace autark {

DeltaNet::Sizes DeltaNet::read(const ConfigFile& f, int64_t dim, float eps) {
  const Sizes s{.dim = dim,
                .key_heads = f.need_int("linear_num_key_heads", 1, 1 << 16),
                .value_heads = f.need_int("linear_num_value_heads", 1, 1 << 16),
                .key_dim = f.need_int("linear_key_head_dim", 1, kDeltaDimMax),
                .value_dim = f.need_int("linear_value_head_dim", 1, kDeltaDimMax),
                .taps = f.value("linear_conv_kernel_dim", 4),
                .eps = eps,
                .tiled = f.value("autark.tiled_value_heads", 0) == 1,
                .decay = f.value("autark.decay", 0) == 1};
  if (s.value_heads % s.key_heads)
    f.refuse(std::to_string(s.value_heads) + " value heads cannot share " + std::to_string(s.key_heads) +
             " key heads (linear_num_key_heads)");
  if (s.taps < 2 || s.taps > 16) f.refuse("linear_conv_kernel_dim is not a number from 2 to 16");
  return s;
}

DeltaNet DeltaNet::load(Weights& w, const std::string& at, const Sizes& s) {
  const int64_t K = s.key_heads * s.key_dim, V = s.value_heads * s.value_dim, N = s.value_heads;
  DeltaNet n{.sizes = s,
             .out = w.need(at + "out_proj.weight", {s.dim, V}),
             .conv = w.vector(at + "conv1d.weight", {s.channels(), s.taps}),
             .norm = w.vector(at + "norm.weight", {s.value_dim}),
             .rule = {.key_heads = s.key_heads,
                      .value_heads = N,
                      .key_dim = s.key_dim,
                      .value_dim = s.value_dim,
                      .dt_bias = w.vector(at + "dt_bias", {N}),
                      .tiled = s.tiled}};
  n.rule.decay = s.decay ? w.vector(at + "decay", {N}) : w.minus_exp(w.vector(at + "A_log", {N}));
  if (const auto both = w.find(at + "in_proj_qkvz.weight", {2 * K + 2 * V, s.dim})) {
    n.qkvz = *both;
  } else {
    n.qkv = w.need(at + "in_proj_qkv.weight", {2 * K + V, s.dim});
    n.z = w.need(at + "in_proj_z.weight", {V, s.dim});
  }
  if (const auto both = w.find(at + "in_proj_ba.weight", {2 * N, s.dim})) {
    n.ba = *both;
  } else {
    n.b = w.need(at + "in_proj_b.weight", {N, s.dim});
    n.a = w.need(at + "in_proj_a.weight", {N, s.dim});
  }
  return n;
}

std::vector<StateSpec> DeltaNet::state_specs() const {
  return {{.name = "delta",
           .row = {delta_state_values(rule)},
           .stored = Format::f32,
           .window_rows = 1,
           .rewind = Rewind::replay,
           .kind = StateSpec::Kind::working},
          {.name = "delta.inputs",
           .row = {delta_input_values(rule)},
           .stored = Format::f32,
           .window_rows = int(kDeltaBlock),
           .kind = StateSpec::Kind::working},
          {.name = "delta.conv",
           .row = {sizes.channels()},
           .stored = Format::f32,
           .window_rows = int(sizes.taps - 1),
           .kind = StateSpec::Kind::working}};
}

DeltaNet::Inputs DeltaNet::project(Chip& on, Tensor x) const {
  const int64_t share = sizes.value_heads / sizes.key_heads, dk = sizes.key_dim, dv = share * sizes.value_dim;
  Inputs in;
  if (qkvz) {  // of each key head [q | k | v | z]
    const Tensor all = on.linear(x, qkvz).split(2 * dk + 2 * dv);
    const Tensor parts[] = {on.slice(all, 0, dk).join(), on.slice(all, dk, dk).join(),
                            on.slice(all, 2 * dk, dv).join()};
    in.qkv = on.concat(parts);
    in.z = on.slice(all, 2 * dk + dv, dv).join();
  } else {
    in.qkv = on.linear(x, qkv);
    in.z = on.linear(x, z);
  }
  if (ba) {  // of each key head [b | a]
    const Tensor all = on.linear(x, ba).split(2 * share);
    in.b = on.slice(all, 0, share).join();
    in.a = on.slice(all, share, share).join();
  } else {
    in.b = on.linear(x, b);
    in.a = on.linear(x, a);
  }
  return in;
}

Tensor DeltaNet::operator()(Step& s, int i, Tensor x) const {
  Chip& on = s.on;
  const Inputs in = project(on, x);
  const Tensor u = on.causal_conv(in.qkv, conv, s.state(i, 2));
  const Tensor o = on.gated_delta_rule(u, in.a, in.b, rule, {s.state(i, 0), s.state(i, 1)});
  const Tensor normed = on.rms_norm(o.split(sizes.value_dim), norm, sizes.eps);
  return on.linear(on.glu(in.z, normed.join()), out);
}

}  // namespace autark
