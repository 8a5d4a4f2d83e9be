// Qwen3 dense (arXiv:2505.09388): grouped-query attention with one RMS norm for all q heads and one for all
// k heads, applied per head before RoPE; SwiGLU.
//
//   h = x + Attn(norm(x))      Attn: softmax(q kᵀ / √d) v,  q = RoPE(norm(W_q x)), k = RoPE(norm(W_k x))
//   y = h + W_down (silu(W_gate h') · W_up h'),  h' = norm(h)
#include "models/architecture.h"
#include "models/layers/decoder.h"
#include "models/layers/gated_mlp.h"
#include "models/layers/grouped_query_attention.h"

namespace autark {
namespace {

struct Config : DecoderConfig {
  int64_t ffn_dim;
  std::vector<int> windows;
  Bias attn_bias;

  explicit Config(const ConfigFile& f)
      : DecoderConfig(f, {.context = 32768, .head_dim = 128}),
        ffn_dim(f.need_int("intermediate_size")),
        windows(read_windows(f, layers)),
        attn_bias(read_bias(f, "attention_bias")) {
    check_activation(f, "hidden_act", {"silu", "swish"});
  }
};

struct Layer {
  Vector attn_norm, ffn_norm;
  GroupedQueryAttention attention;
  GatedMlp mlp;
};

class Qwen3 final : public Decoder<Config, Layer> {
 public:
  Qwen3(const Config& config, Weights& w) : Decoder(config, w) {
    for (int i = 0; i < c.layers; ++i) w_.push_back(load(w, i));
  }

  std::vector<StateSpec> state_specs(int i) const override { return w_[i].attention.state_specs(); }

  Tensor layer(Step& s, int i, Tensor x) const override {
    const Layer& w = w_[i];
    Tensor a = w.attention(s, i, s.on.rms_norm(x, w.attn_norm, c.eps), c.rope);
    Tensor h = s.on.add_rms_norm(&x, a, w.ffn_norm, c.eps);
    return s.on.add(x, w.mlp(s, h));
  }

 private:
  Layer load(Weights& w, int i) const {
    const std::string p = prefix(i), a = p + "self_attn.";
    Layer l{.attn_norm = w.vector(p + "input_layernorm.weight", {c.dim}),
            .ffn_norm = w.vector(p + "post_attention_layernorm.weight", {c.dim}),
            .attention = GroupedQueryAttention::load(w, a, c, c.attn_bias, c.attn_bias, c.windows[i]),
            .mlp = GatedMlp::load(w, p + "mlp.", c.dim, c.ffn_dim)};
    l.attention.q_norm = w.vector(a + "q_norm.weight", {c.head_dim});
    l.attention.k_norm = w.vector(a + "k_norm.weight", {c.head_dim});
    return l;
  }
};

REGISTER_ARCHITECTURE({.name = "qwen3", .make = &make_model<Qwen3, Config>, .rounding = kFastAsQwen2});

}  // namespace
}  // namespace autark
