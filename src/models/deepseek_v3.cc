// DeepSeek-V3 and models of the same form, such as R1, Moonlight and Kimi K2 (arXiv:2412.19437): latent attention;
// after some dense layers, experts in groups that a sigmoid scores and a bias helps to choose, and shared ones.
//
//   h = x + MLA(norm(x))        MLA: layers/latent_attention.h, RoPE with YaRN
//   y = h + FFN(norm(h))        FFN: a gated MLP in the first layers, then
//   FFN(x) = Σ_{e∈choice(p + bias)} w_e MLP_e(x) + MLP_shared(x),  p = σ(W_r x),  w = scale · p / Σ p
//
// YaRN multiplies the scores by m²; m is 1 + 0.1 · mscale_all_dim · ln(factor).
#include <cmath>
#include "models/architecture.h"
#include "models/layers/decoder.h"
#include "models/layers/decoder_config.h"
#include "models/layers/latent_attention.h"
#include "models/layers/sigmoid_experts.h"

namespace autark {
namespace {

constexpr SigmoidExpertDefaults kAbsent{
    .experts = 256, .chosen = 8, .width = 2048, .groups = 8, .groups_kept = 4, .scale = 2.5};

struct Config : DecoderConfig {
  LatentAttention::Sizes attention;
  int64_t dense_dim, dense_layers, every;  // every: of the others, each such layer has experts
  MixtureOfExperts::Sizes moe;

  explicit Config(const ConfigFile& f)
      : DecoderConfig(f, {.context = 4096, .head_dim = 64}),
        attention{
            .dim = dim,
            .heads = heads,
            .query_rank = f.value("q_lora_rank", f.mentions("q_lora_rank") ? 0 : 1536),  // null: no rank
            .latent = f.int_or("kv_lora_rank", 512, 1, 1 << 16),
            .plain = f.int_or("qk_nope_head_dim", 128, 1, 1 << 16),
            .turned = f.int_or("qk_rope_head_dim", 64, 2, 1 << 16),
            .value = f.int_or("v_head_dim", 128, 1, 1 << 16),
            .split = f.value("autark.split_kv_b", 0) == 1,
            .bias = f.value("attention_bias", false)},
        dense_dim(f.need_int("intermediate_size")),
        dense_layers(f.value("first_k_dense_replace", 3)),
        every(f.value("moe_layer_freq", 1)),
        moe(read_sigmoid_experts(f, dim, kAbsent)) {
    const double m = read_score_factor(f);
    attention.scale = float(m * m / std::sqrt(double(attention.plain + attention.turned)));
    rope = read_rope(f, attention.turned);
    const bool halves = !f.value("rope_interleave", true);
    rope.pairing = halves ? Rope::Pairing::halves : Rope::Pairing::neighbours;
    rope.tail = true;
    check_activation(f, "hidden_act", {"silu", "swish"});
    check_heads(f, heads, heads, attention.turned);
    if (attention.query_rank < 0) f.refuse("q_lora_rank is negative");
    if (every < 1) f.refuse("moe_layer_freq is below 1");
    if (const auto method = f.value("topk_method", "noaux_tc"); method != "noaux_tc")
      f.refuse("topk_method is '" + method + "', noaux_tc is expected");
  }
  bool sparse(int i) const { return i >= dense_layers && i % every == 0; }
};

struct Layer {
  Vector attn_norm, ffn_norm;
  LatentAttention attention;
  MixtureOfExperts moe;  // has no router in dense layers
  GatedMlp mlp;
};

class DeepseekV3 final : public Decoder<Config, Layer> {
 public:
  DeepseekV3(const Config& config, Weights& w) : Decoder(config, w) {
    for (int i = 0; i < c.layers; ++i) w_.push_back(load(w, i));
  }

  std::vector<StateSpec> state_specs(int i) const override { return w_[i].attention.state_specs(); }

  Tensor layer(Step& s, int i, Tensor x) const override {
    const Layer& w = w_[i];
    Tensor a = w.attention(s, i, s.on.rms_norm(x, w.attn_norm, c.eps), c.rope);
    Tensor h = s.on.add_rms_norm(&x, a, w.ffn_norm, c.eps);
    return s.on.add(x, w.moe.router ? w.moe(s, i, h) : w.mlp(s, h));
  }

 private:
  Layer load(Weights& w, int i) const {
    const std::string p = prefix(i);
    Layer l{.attn_norm = w.vector(p + "input_layernorm.weight", {c.dim}),
            .ffn_norm = w.vector(p + "post_attention_layernorm.weight", {c.dim}),
            .attention = LatentAttention::load(w, p + "self_attn.", c.attention)};
    if (c.sparse(i))
      l.moe = MixtureOfExperts::load(w, p + "mlp.", c.moe, kSigmoidExpertNames);
    else
      l.mlp = GatedMlp::load(w, p + "mlp.", c.dim, c.dense_dim);
    return l;
  }
};

REGISTER_ARCHITECTURE({.name = "deepseek_v3",
                       .make = &make_model<DeepseekV3, Config>,
                       .rounding = kFastAsQwen2});
REGISTER_ARCHITECTURE({.name = "kimi_k2", .make = &make_model<DeepseekV3, Config>, .rounding = kFastAsQwen2});

}  // namespace
}  // namespace autark
