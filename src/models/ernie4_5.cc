// ERNIE 4.5, the dense models (Baidu, ERNIE 4.5 Technical Report, 2025): Llama's layer. RoPE rotates
// neighbouring channels, and one key, use_bias, gives every projection a bias.
//
//   h = x + Attn(norm(x))      Attn: softmax(q kᵀ / √d) v, RoPE on q and k in pairs (2i, 2i + 1)
//   y = h + W_down (silu(W_gate h') · W_up h'),  h' = norm(h)
#include "models/architecture.h"
#include "models/layers/decoder.h"
#include "models/layers/gated_mlp.h"
#include "models/layers/grouped_query_attention.h"

namespace autark {
namespace {

struct Config : DecoderConfig {
  int64_t ffn_dim;
  Bias bias;

  explicit Config(const ConfigFile& f)
      : DecoderConfig(
            f,
            {.context = 131072, .head_dim = 128, .eps = 1e-5, .tied_head = true, .rope = {.theta = 500000}}),
        ffn_dim(f.need_int("intermediate_size")),
        bias(read_bias(f, "use_bias")) {
    rope.pairing = Rope::Pairing::neighbours;
    check_activation(f, "hidden_act", {"silu", "swish"});
  }
};

struct Layer {
  Vector attn_norm, ffn_norm;
  GroupedQueryAttention attention;
  GatedMlp mlp;
};

class Ernie45 final : public Decoder<Config, Layer> {
 public:
  Ernie45(const Config& config, Weights& w) : Decoder(config, w) {
    for (int i = 0; i < c.layers; ++i) {
      const std::string p = prefix(i);
      w_.push_back({.attn_norm = w.vector(p + "input_layernorm.weight", {c.dim}),
                    .ffn_norm = w.vector(p + "post_attention_layernorm.weight", {c.dim}),
                    .attention = GroupedQueryAttention::load(w, p + "self_attn.", c, c.bias, c.bias),
                    .mlp = GatedMlp::load(w, p + "mlp.", c.dim, c.ffn_dim, c.bias)});
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

REGISTER_ARCHITECTURE({.name = "ernie4_5", .make = &make_model<Ernie45, Config>, .rounding = kFastAsQwen2});

}  // namespace
}  // namespace autark
