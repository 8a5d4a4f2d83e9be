// Hunyuan-A13B (Tencent, 2025): the attention of hunyuan_v1_dense; every layer has softmax experts and a shared
// MLP that every token has.
//
//   h = x + Attn(norm(x))      Attn: softmax(q kᵀ / √d) v,  q = norm(RoPE(W_q x)), k = norm(RoPE(W_k x))
//   y = h + Σ_{e∈topk p} w_e MLP_e(h') + MLP_shared(h'),  h' = norm(h),  p = softmax(W_r h'),  w = p / Σ p
#include <algorithm>
#include "models/architecture.h"
#include "models/layers/sparse_decoder.h"

namespace autark {
namespace {

constexpr MixtureOfExperts::Names kNames{.router = "gate.wg.weight", .shared = "shared_mlp."};

// A number for each layer, from a list or from one number for all.
std::vector<int64_t> of_each_layer(const ConfigFile& f, const std::string& key, int64_t layers,
                                   int64_t fallback) {
  std::vector<int64_t> all = f.ints(key);
  if (all.empty()) return std::vector<int64_t>(layers, f.value(key, fallback));
  if (std::ssize(all) != layers)
    f.refuse(key + " has " + std::to_string(all.size()) + " entries for " + std::to_string(layers) +
             " layers");
  all.resize(layers);
  for (int64_t& v : all) v = std::clamp<int64_t>(v, 0, kIntMax);
  return all;
}

struct Config : DecoderConfig {
  Bias attn_bias;
  std::vector<MixtureOfExperts::Sizes> moe;  // of each layer

  explicit Config(const ConfigFile& f)
      : DecoderConfig(f, {.context = 32768, .eps = 1e-5, .tied_head = true, .rope = {.stretches = true}}),
        attn_bias(read_bias(f, "attention_bias")) {
    const int64_t width = f.need_int("intermediate_size");
    const auto experts = of_each_layer(f, "num_experts", layers, 64),
               widths = of_each_layer(f, "moe_intermediate_size", layers, width),
               chosen = of_each_layer(f, "moe_topk", layers, 8),
               shared = of_each_layer(f, "num_shared_expert", layers, 1);
    for (int64_t i = 0; i < layers; ++i) {
      moe.push_back({.experts = experts[i],
                     .dim = dim,
                     .width = widths[i],
                     .shared = std::min(shared[i], kLayersMax) * width,
                     .routing = {.k = int(chosen[i]), .renormalise = true}});
      if (i == 0 || !f.fault()) check_experts(f, moe.back());  // one layer's fault is enough
    }
    check_activation(f, "hidden_act", {"silu", "swish"});
    if (!f.value("use_qk_norm", true)) f.refuse("use_qk_norm is false; no published Hunyuan has that");
    if (f.value("moe_layer_num_skipped", 0) != 0) f.refuse("moe_layer_num_skipped is not 0");
    if (f.value("use_cla", false)) f.refuse("use_cla is true; no published Hunyuan has that");
  }
};

class HunyuanMoe final : public SparseDecoder<Config> {
 public:
  HunyuanMoe(const Config& config, Weights& w) : SparseDecoder(config, w) {
    if (c.tied_head) head_ = w.cut("model.embed_tokens.weight", embed_, Cut::vocabulary);
    for (int i = 0; i < c.layers; ++i) w_.push_back(load(w, i));
  }

 private:
  SparseLayer load(Weights& w, int i) const {
    const std::string p = prefix(i), a = p + "self_attn.";
    auto l = SparseLayer::load(w, p, c, GroupedQueryAttention::load(w, a, c, c.attn_bias, c.attn_bias));
    l.attention.q_norm = w.vector(a + "query_layernorm.weight", {c.head_dim});
    l.attention.k_norm = w.vector(a + "key_layernorm.weight", {c.head_dim});
    l.attention.norm_after_rope = true;
    l.moe = MixtureOfExperts::load(w, p + "mlp.", c.moe[i], kNames);
    return l;
  }
};

REGISTER_ARCHITECTURE({.name = "hunyuan_v1_moe",
                       .make = &make_model<HunyuanMoe, Config>,
                       .rounding = kFastAsQwen2});

}  // namespace
}  // namespace autark
