// Hunyuan 0.5B to 7B (Tencent, 2025): grouped-query attention with a norm per q and k head, applied after RoPE;
// SwiGLU. The rotary base is stretched once, by a power of alpha.
//
//   h = x + Attn(norm(x))      Attn: softmax(q kᵀ / √d) v,  q = norm(RoPE(W_q x)), k = norm(RoPE(W_k x))
//   y = h + W_down (silu(W_gate h') · W_up h'),  h' = norm(h)
#include "models/architecture.h"
#include "models/layers/sparse_decoder.h"

namespace autark {
namespace {

struct Config : DecoderConfig {
  int64_t ffn_dim;
  Bias attn_bias, ffn_bias;

  explicit Config(const ConfigFile& f)
      : DecoderConfig(f, {.context = 32768, .eps = 1e-5, .tied_head = true, .rope = {.stretches = true}}),
        ffn_dim(f.need_int("intermediate_size")),
        attn_bias(read_bias(f, "attention_bias")),
        ffn_bias(read_bias(f, "mlp_bias")) {
    check_activation(f, "hidden_act", {"silu", "swish"});
    if (!f.value("use_qk_norm", true)) f.refuse("use_qk_norm is false; no published Hunyuan has that");
    if (f.value("use_cla", false)) f.refuse("use_cla is true; no published Hunyuan has that");
  }
};

class HunyuanDense final : public SparseDecoder<Config> {
 public:
  HunyuanDense(const Config& config, Weights& w) : SparseDecoder(config, w) {
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
    l.mlp = GatedMlp::load(w, p + "mlp.", c.dim, c.ffn_dim, c.ffn_bias);
    return l;
  }
};

REGISTER_ARCHITECTURE({.name = "hunyuan_v1_dense",
                       .make = &make_model<HunyuanDense, Config>,
                       .rounding = kFastAsQwen2});

}  // namespace
}  // namespace autark
