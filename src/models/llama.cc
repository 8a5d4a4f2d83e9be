// Llama (arXiv:2407.21783) and models of the same form, such as SmolLM2 and Mistral (arXiv:2310.06825):
// grouped-query attention with RoPE, SwiGLU. Most checkpoints have no biases; Mistral's first one has a sliding
// window in every layer.
//
//   h = x + Attn(norm(x))      Attn: softmax(q kᵀ / √d) v, RoPE on q and k
//   y = h + W_down (silu(W_gate h') · W_up h'),  h' = norm(h)
#include "models/architecture.h"
#include "models/layers/decoder.h"
#include "models/layers/gated_mlp.h"
#include "models/layers/grouped_query_attention.h"

namespace autark {
namespace {

struct Config : DecoderConfig {
  int64_t ffn_dim;
  int window;  // of every layer; 0: all positions
  Bias attn_bias, ffn_bias;

  explicit Config(const ConfigFile& f)
      : DecoderConfig(f, {.context = 2048}),
        ffn_dim(f.need_int("intermediate_size")),
        window(f.value("sliding_window", 0)),
        attn_bias(read_bias(f, "attention_bias")),
        ffn_bias(read_bias(f, "mlp_bias")) {
    check_activation(f, "hidden_act", {"silu", "swish"});
    if (window < 0) f.refuse("sliding_window is negative");
  }
};

struct Layer {
  Vector attn_norm, ffn_norm;
  GroupedQueryAttention attention;
  GatedMlp mlp;
};

class Llama final : public Decoder<Config, Layer> {
 public:
  Llama(const Config& config, Weights& w) : Decoder(config, w) {
    apply_rope_divisors(c.rope, w);
    for (int i = 0; i < c.layers; ++i) {
      const std::string p = prefix(i);
      w_.push_back({.attn_norm = w.vector(p + "input_layernorm.weight", {c.dim}),
                    .ffn_norm = w.vector(p + "post_attention_layernorm.weight", {c.dim}),
                    .attention = GroupedQueryAttention::load(w, p + "self_attn.", c, c.attn_bias, c.attn_bias,
                                                             c.window),
                    .mlp = GatedMlp::load(w, p + "mlp.", c.dim, c.ffn_dim, c.ffn_bias)});
    }
  }

  std::vector<StateSpec> state_specs(int i) const override { return w_[i].attention.state_specs(); }

  Tensor layer(Step& s, int i, Tensor x) const override {
    const Layer& w = w_[i];
    Tensor a = w.attention(s, i, s.on.rms_norm(x, w.attn_norm, c.eps), c.rope);
    Tensor h = s.on.add_rms_norm(&x, a, w.ffn_norm, c.eps);
    return s.on.add(x, w.mlp(s, h));
  }
};

REGISTER_ARCHITECTURE({.name = "llama", .make = &make_model<Llama, Config>, .rounding = kFastMeasured});
REGISTER_ARCHITECTURE({.name = "mistral", .make = &make_model<Llama, Config>, .rounding = kFastMeasured});

}  // namespace
}  // namespace autark
