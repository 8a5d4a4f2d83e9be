// MiniMax-M2 (MiniMax, 2025): grouped-query attention with one norm over all q heads and one over all k heads,
// RoPE on the first channels of each head; every layer has experts that a sigmoid scores and a bias helps to
// choose. No biases, no shared expert.
//
//   h = x + Attn(norm(x))      Attn: softmax(q kᵀ / √d) v,  q = RoPE(norm(W_q x)), k = RoPE(norm(W_k x))
//   y = h + Σ_{e∈topk(p + bias)} w_e MLP_e(h'),  h' = norm(h),  p = σ(W_r h'),  w = p / Σ p
#include <algorithm>
#include "models/architecture.h"
#include "models/layers/sigmoid_experts.h"
#include "models/layers/sparse_decoder.h"

namespace autark {
namespace {

constexpr MixtureOfExperts::Names kNames{.router = "gate.weight",
                                         .bias = "e_score_correction_bias",
                                         .gate = "experts.*.w1.weight",
                                         .up = "experts.*.w3.weight",
                                         .down = "experts.*.w2.weight"};

// The part of a head that turns.
double rotary_part(const ConfigFile& f) {
  return f.value("rotary_dim", 64.0) / std::max(1.0, f.value("head_dim", 128.0));
}

struct Config : DecoderConfig {
  MixtureOfExperts::Sizes moe;

  explicit Config(const ConfigFile& f)
      : DecoderConfig(f,
                      {.context = 196608, .head_dim = 128, .rope = {.theta = 5e6, .part = rotary_part(f)}}),
        moe{.experts = f.need_int("num_local_experts"),
            .dim = dim,
            .width = f.need_int("intermediate_size"),
            .routing = {.score = Routing::Score::sigmoid,
                        .k = int(f.need_int("num_experts_per_tok")),
                        .renormalise = true}} {
    check_activation(f, "hidden_act", {"silu", "swish"});
    check_sigmoid(f);
    check_experts(f, moe);
    if (!f.value("norm_topk_prob", true) || f.value("routed_scaling_factor", 1.0) != 1)
      f.refuse("norm_topk_prob or routed_scaling_factor is set; no published MiniMax-M2 has that");
    if (!f.value("use_qk_norm", true)) f.refuse("use_qk_norm is false; no published MiniMax-M2 has that");
    if (const std::string kind = f.value("qk_norm_type", "per_layer"); kind != "per_layer")
      f.refuse("qk_norm_type is '" + kind + "', per_layer is expected");
  }
};

class MiniMaxM2 final : public SparseDecoder<Config> {
 public:
  MiniMaxM2(const Config& config, Weights& w) : SparseDecoder(config, w) {
    for (int i = 0; i < c.layers; ++i) w_.push_back(load(w, i));
  }

 private:
  SparseLayer load(Weights& w, int i) const {
    const std::string p = prefix(i), a = p + "self_attn.";
    auto l = SparseLayer::load(w, p, c, GroupedQueryAttention::load(w, a, c, Bias::none, Bias::none));
    l.attention.k =
        w.need(a + "k_proj.weight", {c.kv_heads * c.head_dim, c.dim});  // small, and whole for its norm
    l.attention.q_norm = w.vector(a + "q_norm.weight", {c.heads * c.head_dim});
    l.attention.k_norm = w.vector(a + "k_norm.weight", {c.kv_heads * c.head_dim});
    l.moe = MixtureOfExperts::load(w, p + "block_sparse_moe.", c.moe, kNames);
    return l;
  }
};

REGISTER_ARCHITECTURE({.name = "minimax_m2",
                       .make = &make_model<MiniMaxM2, Config>,
                       .rounding = kFastAsQwen2});

}  // namespace
}  // namespace autark
