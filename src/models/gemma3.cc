// Gemma 3 (arXiv:2503.19786), text only: most layers have a sliding window and their own rotary base, about
// every sixth sees all positions; four norms per layer, each multiplying by (1 + gain); tanh-GELU.
//
//   x₀ = √D · E[token]
//   h = x + norm(Attn(norm(x)))      Attn: softmax(q kᵀ / √s) v, q and k normalised per head, then RoPE
//   y = h + norm(W_down (gelu(W_gate h') · W_up h')),  h' = norm(h)
#include <cmath>
#include "models/architecture.h"
#include "models/layers/decoder.h"
#include "models/layers/gated_mlp.h"
#include "models/layers/grouped_query_attention.h"

namespace autark {
namespace {

struct Config : DecoderConfig {
  int64_t ffn_dim;
  Rope local;  // for layers with a window; `rope` is for the others
  int window, pattern;
  std::vector<LayerKind> kinds;
  Bias attn_bias;
  bool offset_gains;  // gains are stored without the 1

  explicit Config(const ConfigFile& f)
      : DecoderConfig(f, {.context = 131072, .head_dim = 256, .tied_head = true, .rope = {.theta = 1e6}}),
        ffn_dim(f.need_int("intermediate_size")),
        local(read_rope(f, head_dim, "rope_parameters.sliding_attention.",
                        {.theta = f.value("rope_local_base_freq", 10000.0)})),
        window(f.value("sliding_window", 4096)),
        pattern(f.value("sliding_window_pattern", f.value("_sliding_window_pattern", 6))),
        kinds(read_layer_kinds(f, layers)),
        attn_bias(read_bias(f, "attention_bias")),
        offset_gains(f.value("autark.norm_offset", 0) == 0) {
    scale = 1 / std::sqrt(f.value("query_pre_attn_scalar", 256.0));
    check_activation(f, "hidden_activation", {"gelu_pytorch_tanh"});
    if (window < 1 || pattern < 1) f.refuse("sliding_window and its pattern must be positive");
    if (!(scale > 0)) f.refuse("query_pre_attn_scalar is not positive");
    if (f.value("use_bidirectional_attention", false))
      f.refuse("use_bidirectional_attention is true; only models that generate are supported");
    for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"})
      if (f.has(key)) f.refuse(std::string(key) + " is set; no published Gemma 3 has that");
  }
  bool slides(int i) const { return kinds.empty() ? (i + 1) % pattern != 0 : kinds[i] == LayerKind::sliding; }
};

struct Layer {
  Vector attn_norm, attn_out_norm, ffn_norm, ffn_out_norm;
  GroupedQueryAttention attention;
  GatedMlp mlp;
};

class Gemma3 final : public Decoder<Config, Layer> {
 public:
  Gemma3(const Config& config, Weights& w) : Decoder(config, w) {
    norm_ = gain(w, norm_);
    for (int i = 0; i < c.layers; ++i) w_.push_back(load(w, i));
  }

  std::vector<StateSpec> state_specs(int i) const override { return w_[i].attention.state_specs(); }

  Tensor embed(Step& s) const override { return s.on.embedding(embed_, s.tokens, std::sqrt(float(c.dim))); }

  Tensor layer(Step& s, int i, Tensor x) const override {
    const Layer& w = w_[i];
    Tensor a = w.attention(s, i, s.on.rms_norm(x, w.attn_norm, c.eps), c.slides(i) ? c.local : c.rope);
    Tensor h = s.on.add_rms_norm(&x, s.on.rms_norm(a, w.attn_out_norm, c.eps), w.ffn_norm, c.eps);
    return s.on.add(x, s.on.rms_norm(w.mlp(s, h, Act::gelu_tanh), w.ffn_out_norm, c.eps));
  }

 private:
  Vector gain(Weights& w, const Vector& stored) const { return c.offset_gains ? w.plus(stored, 1) : stored; }

  Layer load(Weights& w, int i) const {
    const std::string p = prefix(i), a = p + "self_attn.";
    Layer l{.attn_norm = gain(w, w.vector(p + "input_layernorm.weight", {c.dim})),
            .attn_out_norm = gain(w, w.vector(p + "post_attention_layernorm.weight", {c.dim})),
            .ffn_norm = gain(w, w.vector(p + "pre_feedforward_layernorm.weight", {c.dim})),
            .ffn_out_norm = gain(w, w.vector(p + "post_feedforward_layernorm.weight", {c.dim})),
            .attention =
                GroupedQueryAttention::load(w, a, c, c.attn_bias, c.attn_bias, c.slides(i) ? c.window : 0),
            .mlp = GatedMlp::load(w, p + "mlp.", c.dim, c.ffn_dim)};
    l.attention.q_norm = gain(w, w.vector(a + "q_norm.weight", {c.head_dim}));
    l.attention.k_norm = gain(w, w.vector(a + "k_norm.weight", {c.head_dim}));
    return l;
  }
};

REGISTER_ARCHITECTURE({.name = "gemma3", .make = &make_model<Gemma3, Config>, .rounding = kFastMeasured});

}  // namespace
}  // namespace autark
