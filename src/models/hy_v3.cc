// Hy3 (Tencent, 2026): grouped-query attention with a norm per q and k head before RoPE; after the first dense
// layers, experts that a sigmoid scores and a bias helps to choose, and a shared MLP.
//
//   h = x + Attn(norm(x))      Attn: softmax(q kᵀ / √d) v,  q = RoPE(norm(W_q x)), k = RoPE(norm(W_k x))
//   y = h + FFN(norm(h))       FFN: a gated MLP in the first layers, then
//   FFN(x) = Σ_{e∈topk(p + bias)} w_e MLP_e(x) + MLP_shared(x),  p = σ(W_r x),  w = scale · p / Σ p
#include "models/architecture.h"
#include "models/layers/sigmoid_experts.h"
#include "models/layers/sparse_decoder.h"

namespace autark {
namespace {

constexpr MixtureOfExperts::Names kNames{
    .router = "router.gate.weight", .bias = "expert_bias", .shared = "shared_mlp."};

struct Config : DecoderConfig {
  int64_t dense_dim, dense_layers;
  std::vector<std::string> kinds;  // "dense" or "sparse" for each layer; empty: dense_layers counts
  MixtureOfExperts::Sizes moe;

  explicit Config(const ConfigFile& f)
      : DecoderConfig(f, {.context = 262144, .head_dim = 128, .eps = 1e-5, .rope = {.theta = 11158840}}),
        dense_dim(f.need_int("intermediate_size")),
        dense_layers(f.value("first_k_dense_replace", 1)),
        kinds(f.texts("mlp_layer_types")),
        moe{.experts = f.need_int("num_experts"),
            .dim = dim,
            .width =
                f.need_int(f.has("moe_intermediate_size") ? "moe_intermediate_size" : "expert_hidden_dim"),
            .routing = {.score = Routing::Score::sigmoid,
                        .k = int(f.need_int("num_experts_per_tok")),
                        .renormalise = f.value("route_norm", true),
                        .scale = float(f.value("router_scaling_factor", 2.826)),
                        .sum_least = 1e-20f}} {
    moe.shared = moe.width * f.value("num_shared_experts", 1);
    check_activation(f, "hidden_act", {"silu", "swish"});
    check_sigmoid(f);
    check_experts(f, moe);
    if (!kinds.empty() && std::ssize(kinds) != layers)
      f.refuse("mlp_layer_types has " + std::to_string(kinds.size()) + " entries");
    for (const std::string& kind : kinds)
      if (kind != "dense" && kind != "sparse")
        f.refuse("mlp_layer_types has '" + kind + "', dense or sparse is expected");
    for (const char* key : {"qk_norm", "moe_router_use_sigmoid", "moe_router_enable_expert_bias"})
      if (!f.value(key, true)) f.refuse(std::string(key) + " is false; no published Hy3 has that");
  }
  bool dense(int i) const { return kinds.empty() ? i < dense_layers : kinds[i] == "dense"; }
};

class HyV3 final : public SparseDecoder<Config> {
 public:
  HyV3(const Config& config, Weights& w) : SparseDecoder(config, w) {
    for (int i = 0; i < c.layers; ++i) w_.push_back(load(w, i));
  }

 private:
  SparseLayer load(Weights& w, int i) const {
    const std::string p = prefix(i), a = p + "self_attn.";
    auto l = SparseLayer::load(w, p, c, GroupedQueryAttention::load(w, a, c, Bias::none, Bias::none));
    l.attention.q_norm = w.vector(a + "q_norm.weight", {c.head_dim});
    l.attention.k_norm = w.vector(a + "k_norm.weight", {c.head_dim});
    if (c.dense(i))
      l.mlp = GatedMlp::load(w, p + "mlp.", c.dim, c.dense_dim);
    else
      l.moe = MixtureOfExperts::load(w, p + "mlp.", c.moe, kNames);
    return l;
  }
};

REGISTER_ARCHITECTURE({.name = "hy_v3", .make = &make_model<HyV3, Config>, .rounding = kFastAsQwen2});

}  // namespace
}  // namespace autark
