#include "models/layers/hybrid_decoder.h"
#include <algorithm>

namespace autark {
namespace {

// From layer_types, or every full_attention_interval-th layer.
std::vector<bool> attention_layers(const ConfigFile& f, int64_t layers) {
  const int64_t interval = f.value("full_attention_interval", 4);
  const std::vector<std::string> kinds = f.texts("layer_types");
  if (interval < 1) f.refuse("full_attention_interval is below 1");
  if (!kinds.empty() && std::ssize(kinds) != layers)
    f.refuse("layer_types has " + std::to_string(kinds.size()) + " entries for " + std::to_string(layers) +
             " layers");
  std::vector<bool> full;
  for (int64_t i = 0; i < layers; ++i) {
    const bool told = i < std::ssize(kinds);
    full.push_back(told ? kinds[i] == "full_attention" : (i + 1) % std::max<int64_t>(1, interval) == 0);
    if (told && kinds[i] != "full_attention" && kinds[i] != "linear_attention")
      f.refuse("layer_types has '" + kinds[i] + "', full_attention or linear_attention is expected");
  }
  return full;
}

}  // namespace

HybridConfig::HybridConfig(const ConfigFile& f)
    : DecoderConfig(f, {.context = 262144, .head_dim = 256, .rope = {.theta = 1e7, .part = 0.25}}),
      delta(DeltaNet::read(f, dim, eps)),
      full(attention_layers(f, layers)),
      offset_gains(f.value("autark.norm_offset", 0) == 0),
      ffn_dim(f.value("intermediate_size", 0)) {
  check_activation(f, "hidden_act", {"silu", "swish"});
  if (f.value("attention_bias", false)) f.refuse("attention_bias is true; no published model has that");
}

void HybridConfig::read_experts(const ConfigFile& f, bool renormalise) {
  moe = {.experts = f.need_int("num_experts"),
         .dim = dim,
         .width = f.need_int("moe_intermediate_size"),
         .routing = {.k = int(f.need_int("num_experts_per_tok")), .renormalise = renormalise}};
  shared_dim = f.need_int("shared_expert_intermediate_size");
  sparse_step = f.value("decoder_sparse_step", 1);
  dense_layers = f.ints("mlp_only_layers");
  check_experts(f, moe);
  if (sparse_step < 1) f.refuse("decoder_sparse_step is below 1");
}

bool HybridConfig::sparse(int i) const {
  return moe.experts > 0 && std::ranges::count(dense_layers, i) == 0 && (i + 1) % sparse_step == 0;
}

HybridDecoder::HybridDecoder(const HybridConfig& config, Weights& w) : Decoder(config, w) {
  norm_ = gain(w, norm_);
  for (int i = 0; i < c.layers; ++i) w_.push_back(load(w, i));
}

std::vector<StateSpec> HybridDecoder::state_specs(int i) const {
  return c.full[i] ? w_[i].attention.state_specs() : w_[i].delta.state_specs();
}

Tensor HybridDecoder::layer(Step& s, int i, Tensor x) const {
  const HybridLayer& w = w_[i];
  const Tensor in = s.on.rms_norm(x, w.mix_norm, c.eps);
  const Tensor a = c.full[i] ? w.attention(s, i, in, c.rope) : w.delta(s, i, in);
  const Tensor h = s.on.add_rms_norm(&x, a, w.ffn_norm, c.eps);
  return s.on.add(x, w.moe.router ? experts(s, i, h) : w.mlp(s, h));
}

// The shared expert is a choice of one among one, whose weight is the sigmoid of its gate.
Tensor HybridDecoder::experts(Step& s, int i, Tensor x) const {
  const HybridLayer& w = w_[i];
  const Tensor y = w.moe(s, i, x);
  const Choice one =
      s.on.route(s.on.linear(x, w.shared_gate), {}, {}, {.score = Routing::Score::sigmoid, .k = 1});
  return s.on.add(y, s.on.all_sum(s.on.moe(x, one, w.gate, w.up, w.down)));
}

Vector HybridDecoder::gain(Weights& w, const Vector& stored) const {
  return c.offset_gains ? w.plus(stored, 1) : stored;
}

GroupedQueryAttention HybridDecoder::load_attention(Weights& w, const std::string& at) const {
  const int64_t d = c.head_dim;
  const Cut keys = Cut::key_heads(d);
  return {.head_dim = d,
          .eps = c.eps,
          .how = {.scale = c.scale},
          .q = w.need(at + "q_proj.weight", {c.heads * 2 * d, c.dim}, Cut::heads(2 * d)),
          .k = w.need(at + "k_proj.weight", {c.kv_heads * d, c.dim}, keys),
          .v = w.need(at + "v_proj.weight", {c.kv_heads * d, c.dim}, keys),
          .o = w.need(at + "o_proj.weight", {c.dim, c.heads * d}, Cut::head_inputs(d)),
          .q_norm = gain(w, w.vector(at + "q_norm.weight", {d})),
          .k_norm = gain(w, w.vector(at + "k_norm.weight", {d})),
          .gated = true};
}

void HybridDecoder::load_experts(Weights& w, const std::string& at, HybridLayer& l) const {
  const std::string shared = at + "shared_expert.";
  const int64_t D = c.dim, F = c.shared_dim;
  const auto one = [](Weight x) { return Weight{x.format, {1, x.rows(), x.cols()}, x.parts}; };
  l.moe = MixtureOfExperts::load(w, at, c.moe);
  l.shared_gate = w.need(at + "shared_expert_gate.weight", {1, D});
  l.gate = one(w.need(shared + "gate_proj.weight", {F, D}, Cut::out));
  l.up = one(w.need(shared + "up_proj.weight", {F, D}, Cut::out));
  l.down = one(w.need(shared + "down_proj.weight", {D, F}, Cut::in));
}

HybridLayer HybridDecoder::load(Weights& w, int i) const {
  const std::string p = prefix(i);
  HybridLayer l{.mix_norm = gain(w, w.vector(p + "input_layernorm.weight", {c.dim})),
                .ffn_norm = gain(w, w.vector(p + "post_attention_layernorm.weight", {c.dim}))};
  if (c.full[i])
    l.attention = load_attention(w, p + "self_attn.");
  else
    l.delta = DeltaNet::load(w, p + "linear_attn.", c.delta);
  if (c.sparse(i))
    load_experts(w, p + "mlp.", l);
  else
    l.mlp = GatedMlp::load(w, p + "mlp.", c.dim, c.ffn_dim);
  return l;
}

}  // namespace autark
