// ERNIE 4.5 with experts (Baidu, ERNIE 4.5 Technical Report, 2025): the attention of ernie4_5; softmax experts
// that a bias helps to choose, and shared ones as one MLP. Some layers are dense.
//
//   h = x + Attn(norm(x))      Attn: softmax(q kᵀ / √d) v, RoPE on q and k in pairs (2i, 2i + 1)
//   y = h + FFN(norm(h))       FFN: a gated MLP, or
//   FFN(x) = Σ_{e∈topk(p + bias)} w_e MLP_e(x) + MLP_shared(x),  p = softmax(W_r x),  w = p / Σ p
#include "models/architecture.h"
#include "models/layers/sparse_decoder.h"

namespace autark {
namespace {

constexpr MixtureOfExperts::Names kNames{.bias = "moe_statics.e_score_correction_bias",
                                         .shared = "shared_experts."};

struct Config : DecoderConfig {
  int64_t dense_dim;
  Bias bias;
  int64_t interval, first, last;  // which layers have experts
  MixtureOfExperts::Sizes moe;

  explicit Config(const ConfigFile& f)
      : DecoderConfig(f, {.context = 131072, .eps = 1e-5, .tied_head = true, .rope = {.theta = 500000}}),
        dense_dim(f.need_int("intermediate_size")),
        bias(read_bias(f, "use_bias")),
        interval(f.value("moe_layer_interval", 1)),
        first(f.value("moe_layer_start_index", 1)),
        last(int64_t(f.value("moe_layer_end_index", -1.0))),  // −1: the last layer
        moe{.experts = f.int_or("moe_num_experts", 64),
            .dim = dim,
            .width = f.int_or("moe_intermediate_size", 1536),
            .shared_bias = bias,
            .routing = {.k = int(f.int_or("moe_k", 6)),
                        .renormalise = true,
                        .sum_least = float(f.value("moe_norm_min", 1e-12))}} {
    moe.shared = moe.width * f.int_or("moe_num_shared_experts", 2, 0);
    rope.pairing = Rope::Pairing::neighbours;
    check_activation(f, "hidden_act", {"silu", "swish"});
    check_experts(f, moe);
    if (interval < 1) f.refuse("moe_layer_interval is below 1");
    if (last < 0) last = layers - 1;
  }
  bool sparse(int i) const { return (i + 1) % interval == 0 && i >= first && i <= last; }
};

class Ernie45Moe final : public SparseDecoder<Config> {
 public:
  Ernie45Moe(const Config& config, Weights& w) : SparseDecoder(config, w) {
    for (int i = 0; i < c.layers; ++i) w_.push_back(load(w, i));
  }

 private:
  SparseLayer load(Weights& w, int i) const {
    const std::string p = prefix(i);
    auto l = SparseLayer::load(w, p, c, GroupedQueryAttention::load(w, p + "self_attn.", c, c.bias, c.bias));
    if (c.sparse(i))
      l.moe = MixtureOfExperts::load(w, p + "mlp.", c.moe, kNames);
    else
      l.mlp = GatedMlp::load(w, p + "mlp.", c.dim, c.dense_dim, c.bias);
    return l;
  }
};

REGISTER_ARCHITECTURE({.name = "ernie4_5_moe",
                       .make = &make_model<Ernie45Moe, Config>,
                       .rounding = kFastAsQwen2});

}  // namespace
}  // namespace autark
