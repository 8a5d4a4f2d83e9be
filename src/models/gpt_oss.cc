// gpt-oss (OpenAI, gpt-oss model card, 2025): grouped-query attention with biases and a sink in each head, every
// other layer in a sliding window; experts in MXFP4 with biases and a clamped activation.
//
//   h = x + Attn(norm(x))      Attn: softmax([q kᵀ / √d, sink]) [v, 0], RoPE with YaRN on q and k
//   y = h + Σ_{e∈topk l} w_e (W_down,e act + b_down,e),  l = W_r h' + b_r,  w = softmax of the chosen l
//   act = (u + 1) g σ(1.702 g),  g = min(W_gate,e h' + b_gate,e, 7),  u = clamp(W_up,e h' + b_up,e, ±7)
#include "models/architecture.h"
#include "models/layers/sparse_decoder.h"

namespace autark {
namespace {

constexpr MixtureOfExperts::Names kNames{.router = "router.weight"};
constexpr double kTheta = 150000;

// What a config without a scaling means.
Rope published_rope(int64_t head_dim, double theta) {
  const Json keys{
      {"rope_scaling",
       {{"type", "yarn"}, {"factor", 32}, {"original_max_position_embeddings", 4096}, {"truncate", false}}}};
  const ConfigFile f(keys);
  return read_rope(f, head_dim, {.theta = theta});
}

struct Config : DecoderConfig {
  int window;
  std::vector<LayerKind> kinds;
  Bias bias;
  float limit;  // of gate and up
  MixtureOfExperts::Sizes moe;

  explicit Config(const ConfigFile& f)
      : DecoderConfig(f, {.context = 131072, .head_dim = 64, .eps = 1e-5, .rope = {.theta = kTheta}}),
        window(f.value("sliding_window", 128)),
        kinds(read_layer_kinds(f, layers)),
        bias(f.value("attention_bias", true) ? Bias::needed : Bias::none),
        limit(f.value("swiglu_limit", 7.0)),
        moe{.experts = f.need_int("num_local_experts"),
            .dim = dim,
            .width = f.need_int("intermediate_size"),
            .routing = {.k = int(f.need_int(f.has("num_experts_per_tok") ? "num_experts_per_tok"
                                                                         : "experts_per_token")),
                        .renormalise = true}} {
    if (!f.has("rope_scaling") && !f.has("rope_parameters"))
      rope = published_rope(head_dim, f.value("rope_theta", kTheta));
    check_activation(f, "hidden_act", {"silu", "swish"});
    check_experts(f, moe);
    if (window < 1) f.refuse("sliding_window must be positive");
    if (!(limit > 0)) f.refuse("swiglu_limit must be positive");
  }
  int window_of(int i) const {
    const bool slides = kinds.empty() ? i % 2 == 0 : kinds[i] == LayerKind::sliding;
    return slides ? window : 0;
  }
};

class GptOss final : public SparseDecoder<Config> {
 public:
  GptOss(const Config& config, Weights& w) : SparseDecoder(config, w) {
    for (int i = 0; i < c.layers; ++i) w_.push_back(load(w, i));
  }

 private:
  SparseLayer load(Weights& w, int i) const {
    const std::string p = prefix(i), a = p + "self_attn.", m = p + "mlp.";
    const int64_t E = c.moe.experts, F = c.moe.width;
    auto l = SparseLayer::load(w, p, c, GroupedQueryAttention::load(w, a, c, c.bias, c.bias, c.window_of(i)));
    l.attention.how.sinks = w.vector(a + "sinks", {c.heads}, Cut::heads(1));
    l.moe = MixtureOfExperts::load(w, m, c.moe, kNames);
    l.moe.router_bias = w.vector(m + "router.bias", {E});
    l.moe.biases = {.gate = w.vector(m + "experts.gate_proj.bias", {E, F}, Cut::in),
                    .up = w.vector(m + "experts.up_proj.bias", {E, F}, Cut::in),
                    .down = w.vector(m + "experts.down_proj.bias", {E, c.dim}, Cut::once)};
    l.moe.act = Act::quick_gelu_up1;
    l.moe.limit = c.limit;
    return l;
  }
};

REGISTER_ARCHITECTURE({.name = "gpt_oss", .make = &make_model<GptOss, Config>, .rounding = kFastAsQwen2});

}  // namespace
}  // namespace autark
