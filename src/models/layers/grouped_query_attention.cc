#include "models/layers/grouped_query_attention.h"
#include "cluster/comm.h"

namespace autark {
namespace {

// This rank's channels of x, which has those of all ranks.
Tensor own_part(Chip& on, Tensor x, const Cut& cut) {
  if (!on.comm()) return x;
  const auto mine = share_of(x.cols(), cut, 1, on.comm()->rank(), on.comm()->size());
  AUTARK_CHECK(mine);  // the weights were cut like this
  return mine->count == x.cols() ? x : on.slice(x, mine->from, mine->count);
}

}  // namespace

GroupedQueryAttention GroupedQueryAttention::load(Weights& w, const std::string& at, const DecoderConfig& c,
                                                  Bias qkv, Bias o, int window) {
  const int64_t D = c.dim, Q = c.heads * c.head_dim, KV = c.kv_heads * c.head_dim;
  const Cut heads = Cut::heads(c.head_dim), key_heads = Cut::key_heads(c.head_dim);
  return {.head_dim = c.head_dim,
          .eps = c.eps,
          .how = {.scale = c.scale, .window = window},
          .q = w.need(at + "q_proj.weight", {Q, D}, heads),
          .k = w.need(at + "k_proj.weight", {KV, D}, key_heads),
          .v = w.need(at + "v_proj.weight", {KV, D}, key_heads),
          .o = w.need(at + "o_proj.weight", {D, Q}, Cut::head_inputs(c.head_dim)),
          .q_bias = load_bias(w, qkv, at + "q_proj.bias", {Q}, heads),
          .k_bias = load_bias(w, qkv, at + "k_proj.bias", {KV}, key_heads),
          .v_bias = load_bias(w, qkv, at + "v_proj.bias", {KV}, key_heads),
          .o_bias = load_bias(w, o, at + "o_proj.bias", {D}, Cut::once)};
}

std::vector<StateSpec> GroupedQueryAttention::state_specs() const {
  const Shape row{v.rows() / head_dim, head_dim};  // this rank's KV heads
  return {{.name = "k", .row = row, .window_rows = how.window},
          {.name = "v", .row = row, .window_rows = how.window}};
}

Tensor GroupedQueryAttention::rotated(Step& s, Tensor x, const Vector& norm, const Rope& rope,
                                      Cut heads) const {
  Chip& on = s.on;
  if (norm && norm.cols() != head_dim)
    x = own_part(on, on.rms_norm(on.all_gather(x.join(), norm.cols()), norm, eps), heads).split(head_dim);
  const bool each = norm && norm.cols() == head_dim;
  if (each && !norm_after_rope) x = on.rms_norm(x, norm, eps);
  x = on.rope(x, s.positions, rope);
  return each && norm_after_rope ? on.rms_norm(x, norm, eps) : x;
}

Tensor GroupedQueryAttention::operator()(Step& s, int i, Tensor x, const Rope& rope) const {
  Chip& on = s.on;
  const Tensor all = on.linear(x, q, q_bias).split(gated ? 2 * head_dim : head_dim);
  const Tensor qs = gated ? on.slice(all, 0, head_dim) : all;
  const Tensor ks = on.linear(x, k, k_bias).split(head_dim), vs = on.linear(x, v, v_bias).split(head_dim);
  Tensor y = on.attention(rotated(s, qs, q_norm, rope, Cut::heads(head_dim)),
                          rotated(s, ks, k_norm, rope, Cut::key_heads(head_dim)), vs, s.state(i, 0),
                          s.state(i, 1), how);
  if (gated) y = on.glu(on.slice(all, head_dim, head_dim), y, Act::sigmoid);
  return on.all_sum(on.linear(y.join(), o, o_bias));
}

}  // namespace autark
