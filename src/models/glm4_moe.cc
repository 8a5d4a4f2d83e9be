// GLM-4.5, 4.6 and 4.7 (arXiv:2508.06471): grouped-query attention that turns half of each head, with biases on
// q, k and v; after some dense layers, experts that a sigmoid scores and a bias helps to choose, and shared ones
// that every token has.
//
//   h = x + Attn(norm(x))            Attn: softmax(q kᵀ / √d) v,  q = RoPE(norm(W_q x + b_q)), k likewise
//   y = h + FFN(h'),  h' = norm(h)   FFN: a gated MLP in the first layers, then
//   FFN(x) = Σ_{e∈topk(p + bias)} w_e MLP_e(x) + MLP_shared(x),  p = σ(W_r x),  w = scale · p / Σ p
#include "models/architecture.h"
#include "models/layers/sigmoid_experts.h"
#include "models/layers/sparse_decoder.h"

namespace autark {
namespace {

constexpr SigmoidExpertDefaults kAbsent{
    .experts = 128, .chosen = 8, .width = 1408, .groups = 1, .groups_kept = 1, .scale = 1};

struct Config : DecoderConfig {
  int64_t dense_dim, dense_layers;
  Bias bias;
  bool qk_norm;
  MixtureOfExperts::Sizes moe;

  explicit Config(const ConfigFile& f)
      : DecoderConfig(f, {.context = 131072, .head_dim = 128, .eps = 1e-5, .rope = {.part = 0.5}}),
        dense_dim(f.need_int("intermediate_size")),
        dense_layers(f.value("first_k_dense_replace", 1)),
        bias(read_bias(f, "attention_bias")),
        qk_norm(f.value("use_qk_norm", false)),
        moe(read_sigmoid_experts(f, dim, kAbsent)) {
    check_activation(f, "hidden_act", {"silu", "swish"});
  }
};

class Glm4Moe final : public SparseDecoder<Config> {
 public:
  Glm4Moe(const Config& config, Weights& w) : SparseDecoder(config, w) {
    for (int i = 0; i < c.layers; ++i) w_.push_back(load(w, i));
  }

 private:
  SparseLayer load(Weights& w, int i) const {
    const std::string p = prefix(i), a = p + "self_attn.";
    auto l = SparseLayer::load(w, p, c, GroupedQueryAttention::load(w, a, c, c.bias, Bias::none));
    if (c.qk_norm) {
      l.attention.q_norm = w.vector(a + "q_norm.weight", {c.head_dim});
      l.attention.k_norm = w.vector(a + "k_norm.weight", {c.head_dim});
    }
    if (i < c.dense_layers)
      l.mlp = GatedMlp::load(w, p + "mlp.", c.dim, c.dense_dim);
    else
      l.moe = MixtureOfExperts::load(w, p + "mlp.", c.moe, kSigmoidExpertNames);
    return l;
  }
};

REGISTER_ARCHITECTURE({.name = "glm4_moe", .make = &make_model<Glm4Moe, Config>, .rounding = kFastAsQwen2});

}  // namespace
}  // namespace autark
