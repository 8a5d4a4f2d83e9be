// Qwen2 (arXiv:2407.10671), Qwen2.5 and Qwen2.5-Coder: Llama's layer with biases on q, k and v.
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
  std::vector<int> windows;

  explicit Config(const ConfigFile& f)
      : DecoderConfig(f, {.context = 32768}),
        ffn_dim(f.need_int("intermediate_size")),
        windows(read_windows(f, layers)) {
    check_activation(f, "hidden_act", {"silu", "swish"});
  }
};

struct Layer {
  Vector attn_norm, ffn_norm;
  GroupedQueryAttention attention;
  GatedMlp mlp;
};

class Qwen2 final : public Decoder<Config, Layer> {
 public:
  Qwen2(const Config& config, Weights& w) : Decoder(config, w) {
    for (int i = 0; i < c.layers; ++i) {
      const std::string p = prefix(i), a = p + "self_attn.";
      w_.push_back({.attn_norm = w.vector(p + "input_layernorm.weight", {c.dim}),
                    .ffn_norm = w.vector(p + "post_attention_layernorm.weight", {c.dim}),
                    .attention = GroupedQueryAttention::load(w, a, c, Bias::needed, Bias::none, c.windows[i]),
                    .mlp = GatedMlp::load(w, p + "mlp.", c.dim, c.ffn_dim)});
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

REGISTER_ARCHITECTURE({.name = "qwen2", .make = &make_model<Qwen2, Config>, .rounding = kFastMeasured});

}  // namespace
}  // namespace autark
