#include "models/layers/v4_block.h"

namespace autark {
namespace {

// Positions in state_specs(). The tail of a stream follows it.
constexpr int kWindow = 0, kPooled = 1, kKeys = 3;

struct SiteNames {
  const char *pre, *post, *comb, *in, *out;
};
constexpr SiteNames kAttention{"hc_attn.pre", "hc_attn.post", "hc_attn.comb", "attn.in", "attn.out"};
constexpr SiteNames kExperts{"hc_ffn.pre", "hc_ffn.post", "hc_ffn.comb", "ffn.in", "ffn.out"};

}  // namespace

std::vector<StateSpec> V4Block::state_specs() const {
  const int r = int(ratio_), rows = r == 4 ? 2 * r : r;  // 4:1 windows overlap
  std::vector<StateSpec> s{
      {.name = "window", .row = {c.head_dim}, .stored = Format::v4_kv584, .window_rows = int(c.window)}};
  const auto pooled = [&](const char* name, const char* tail, int64_t dim, Format record) {
    s.push_back({.name = name, .row = {dim}, .stored = record, .tokens_per_row = r});
    s.push_back({.name = tail,
                 .row = {2, rows / r * dim},
                 .stored = Format::f32,
                 .window_rows = rows,
                 .kind = StateSpec::Kind::working});
  };
  if (r) pooled("comp", "comp.tail", c.head_dim, Format::v4_kv584);
  if (r == 4) pooled("icomp", "icomp.tail", c.index_dim, Format::v4_key68);
  return s;
}

Tensor V4Block::operator()(Step& s, int i, Tensor x) const {
  return (*this)(s, i, x, {});
}

Tensor V4Block::operator()(Step& s, int i, Tensor x, const Core& core) const {
  x = sublayer(s, i, true, x, [&](Tensor h) { return attention(s, i, h, core); });
  return sublayer(s, i, false, x, [&](Tensor h) { return experts(s, i, h); });
}

template <class F>
Tensor V4Block::sublayer(Step& s, int i, bool attention, Tensor x, F f) const {
  const HyperConnection& w = attention ? hc_attn_ : hc_ffn_;
  const SiteNames& name = attention ? kAttention : kExperts;
  V4Ops& v4 = s.on.v4();
  Mix m;
  const Tensor h =
      v4.hc_read(x, mix_parameters(w, c, c.sinkhorn_iters), attention ? attn_norm_ : ffn_norm_, &m);
  s.note(i, name.pre, m.pre);
  s.note(i, name.post, m.post);
  s.note(i, name.comb, m.comb);
  Tensor y = s.note(i, name.out, f(s.note(i, name.in, h)));
  return v4.hc_post(y, x, m.post, m.comb);
}

Tensor V4Block::key_value(Step& s, Tensor x) const {
  return s.on.rope(normed_key(s, s.on.linear(x, kv_)), s.positions, ratio_ ? c.rope_far : c.rope_near);
}

Tensor V4Block::normed_key(Step& s, Tensor latent) const {
  return s.on.rms_norm(latent, kv_norm_, c.eps).split(c.head_dim);
}

// In waves: a chip that records its verbs waits only between operations that depend on each other, so all
// products of x come first, then all of what follows from them.
Tensor V4Block::attention(Step& s, int i, Tensor x, const Core& core) const {
  AUTARK_CHECK(!core || !ratio_);
  Chip& on = s.on;
  V4Ops& v4 = on.v4();
  const bool chooses = ratio_ == 4;
  const Rope& rope = ratio_ ? c.rope_far : c.rope_near;
  const StateView window = s.state(i, kWindow);

  Tensor qr = on.linear(x, q_a_), kv = on.linear(x, kv_), weights;
  Gated rows, keys;
  if (ratio_) rows = {on.linear(x, pool_.kv), on.linear(x, pool_.gate)};
  if (chooses) keys = {on.linear(x, index_.pool.kv), on.linear(x, index_.pool.gate)};
  if (chooses) weights = on.linear(x, index_.head_weights);

  qr = s.note(i, "attn.qr", on.rms_norm(qr, q_norm_, c.eps));
  kv = normed_key(s, kv);
  BlockView far, index;
  if (ratio_) far = pool(s, pool_, i, kPooled, rows);
  if (chooses) index = pool(s, index_.pool, i, kKeys, keys);

  Tensor q = on.linear(qr, q_b_).split(c.head_dim), iq;
  if (chooses) iq = on.linear(qr, index_.q).split(c.index_dim);
  kv = on.rope(kv, s.positions, rope);
  q = on.rms_norm(q, {}, c.eps);
  if (chooses) iq = on.rope(iq, s.positions, c.rope_far);
  q = s.note(i, "attn.q", on.rope(q, s.positions, rope));
  if (s.probe) s.note(i, "attn.kv", v4.quantise(kv, window.simulated).join());
  const Tensor picks = chooses ? choose(s, i, iq, weights, index) : Tensor{};  // empty: every pooled row

  Tensor o = core ? core(q, kv, window, sink_) : v4.sparse_attention(q, kv, window, far, picks, sink_);
  o = s.note(i, "attn.o", o);
  o = on.rope(o, s.positions, rope, /*inverse=*/true);  // the rows are rotated, and they are also the values
  Tensor z = s.note(i, "attn.z", on.grouped_linear(o.join(), o_a_));
  return on.all_sum(on.linear(z, o_b_));
}

BlockView V4Block::pool(Step& s, const Pooler& w, int i, int stream, Gated x) const {
  BlockView into{s.state(i, stream), s.state(i, stream + 1)};
  s.on.v4().pool(x.kv, x.gate, {w.ape, w.norm, c.eps, c.rope_far, /*hadamard=*/stream == kKeys}, into);
  return into;
}

// I_t = Σ_h w_h · relu(q_h · k_t); keeps the k best pooled rows. Queries are rounded like the keys.
Tensor V4Block::choose(Step& s, int i, Tensor q, Tensor weights, const BlockView& keys) const {
  V4Ops& v4 = s.on.v4();
  q = v4.quantise(v4.hadamard(q), keys.rows.simulated);
  Tensor scores;
  const Tensor picks = v4.index_top_k(q, weights, keys, int(c.index_top_k), s.probe ? &scores : nullptr);
  if (s.probe) s.note(i, "idx.score", scores);
  return s.note(i, "idx.ids", picks);
}

Tensor V4Block::experts(Step& s, int i, Tensor x) const {
  Chip& on = s.on;
  Tensor fixed, margin;
  if (by_token_) fixed = on.embedding(by_token_, s.tokens);
  const Routing how{.score = Routing::Score::sqrt_softplus,
                    .k = int(c.experts_per_token),
                    .renormalise = true,
                    .scale = c.route_scale};
  const Choice to = on.route(on.linear(x, router_), bias_, fixed, how, s.probe ? &margin : nullptr);
  s.note(i, "gate.ids", to.ids);
  s.note(i, "gate.weights", to.weights);
  if (s.probe) s.note(i, "gate.margin", margin);
  Tensor h = on.glu(on.linear(x, shared_gate_), on.linear(x, shared_up_), Act::silu, c.swiglu_limit);
  Tensor shared = s.note(i, "ffn.shared", on.linear(h, shared_down_));
  return on.all_sum(on.add(shared, on.moe(x, to, gate_, up_, down_, Act::silu, c.swiglu_limit)));
}

Weight v4_matrix(Weights& get, const std::string& name, Shape shape, Cut cut) {
  return get.need(name + ".weight", shape, cut).rounded(Round::e4m3_b128, Round::bf16);
}

HyperConnection v4_hyper_connection(const V4Config& c, Weights& get, const std::string& name, int64_t rows) {
  return {get.need(name + "_fn", {rows, c.hc * c.dim}), get.vector(name + "_scale", {rows == c.hc ? 1 : 3}),
          get.vector(name + "_base", {rows})};
}

V4Block::V4Block(const V4Config& config, Weights& get, const std::string& prefix, int64_t ratio,
                 bool by_token)
    : c(config), ratio_(ratio) {
  const int64_t mix = (2 + c.hc) * c.hc;
  hc_attn_ = v4_hyper_connection(c, get, prefix + "hc_attn", mix);
  hc_ffn_ = v4_hyper_connection(c, get, prefix + "hc_ffn", mix);
  attn_norm_ = get.vector(prefix + "attn_norm.weight", {c.dim});
  ffn_norm_ = get.vector(prefix + "ffn_norm.weight", {c.dim});
  load_attention(get, prefix + "attn.");
  load_experts(get, prefix + "ffn.", by_token);
}

void V4Block::load_attention(Weights& get, const std::string& a) {
  const int64_t D = c.dim, d = c.head_dim, H = c.heads * d, G = c.o_groups;
  q_a_ = v4_matrix(get, a + "wq_a", {c.q_rank, D});
  q_norm_ = get.vector(a + "q_norm.weight", {c.q_rank});
  q_b_ = v4_matrix(get, a + "wq_b", {H, c.q_rank}, Cut::heads(d));
  kv_ = v4_matrix(get, a + "wkv", {d, D});
  kv_norm_ = get.vector(a + "kv_norm.weight", {d});
  sink_ = get.vector(a + "attn_sink", {c.heads}, Cut::out);
  o_a_ = get.need_groups(a + "wo_a.weight", {G, c.o_rank, H / G}, Cut::out).rounded(Round::bf16, Round::bf16);
  o_b_ = v4_matrix(get, a + "wo_b", {D, G * c.o_rank}, {Cut::Along::inputs, c.o_rank, "groups"});
  const auto pooler = [&](const std::string& n, int64_t dim) {
    const int64_t wide = (ratio_ == 4 ? 2 : 1) * dim;
    return Pooler{get.need(n + "wkv.weight", {wide, D}), get.need(n + "wgate.weight", {wide, D}),
                  get.vector(n + "ape", {ratio_, wide}), get.vector(n + "norm.weight", {dim})};
  };
  if (ratio_) pool_ = pooler(a + "compressor.", d);
  if (ratio_ == 4)
    index_ = {
        v4_matrix(get, a + "indexer.wq_b", {c.index_heads * c.index_dim, c.q_rank}),
        get.need(a + "indexer.weights_proj.weight", {c.index_heads, D}).rounded(Round::bf16, Round::bf16),
        pooler(a + "indexer.compressor.", c.index_dim)};
}

void V4Block::load_experts(Weights& get, const std::string& f, bool by_token) {
  const int64_t D = c.dim, E = c.experts, F = c.expert_dim;
  router_ = get.need(f + "gate.weight", {E, D});
  if (by_token)
    by_token_ = get.table(f + "gate.tid2eid", {c.vocab, c.experts_per_token}, E);
  else
    bias_ = get.vector(f + "gate.bias", {E});
  gate_ = v4_matrix(get, f + "experts.*.w1", {E, F, D}, Cut::out);
  up_ = v4_matrix(get, f + "experts.*.w3", {E, F, D}, Cut::out);
  down_ = v4_matrix(get, f + "experts.*.w2", {E, D, F}, Cut::in);
  shared_gate_ = v4_matrix(get, f + "shared_experts.w1", {F, D}, Cut::out);
  shared_up_ = v4_matrix(get, f + "shared_experts.w3", {F, D}, Cut::out);
  shared_down_ = v4_matrix(get, f + "shared_experts.w2", {D, F}, Cut::in);
}

}  // namespace autark
