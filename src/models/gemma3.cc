// Gemma 3 (arXiv:2503.19786), text: most layers see a sliding window and turn with a base of their own,
// every sixth or so sees everything; four norms a layer, each multiplying by (1 + gain); tanh-GELU.
//
//   x₀ = √D · E[token]
//   h = x + norm(Attn(norm(x)))      Attn: softmax(q kᵀ / √s) v, q and k normalised per head, then RoPE
//   y = h + norm(W_down (gelu(W_gate h') · W_up h')),  h' = norm(h)
#include <cmath>
#include "models/attention_config.h"
#include "models/model.h"

namespace autark {
namespace {

struct Config {
  int64_t layers, dim, heads, kv_heads, head_dim, ffn_dim, vocab, context;
  float eps, scale;
  bool tied_head;  // logits come from the embedding
  Rope global, local;
  int window, pattern;
  std::vector<LayerKind> kinds;
  Bias attn_bias;
  bool offset_gains;  // gains are stored without their 1

  explicit Config(const ConfigFile& f)
      : layers(f.need_int("num_hidden_layers", 1, kLayersMax)),
        dim(f.need_int("hidden_size")),
        heads(f.need_int("num_attention_heads")),
        kv_heads(f.value("num_key_value_heads", heads)),
        head_dim(f.value("head_dim", 256)),
        ffn_dim(f.need_int("intermediate_size")),
        vocab(f.need_int("vocab_size")),
        context(read_context(f, 131072)),
        eps(f.value("rms_norm_eps", 1e-6)),
        scale(1 / std::sqrt(f.value("query_pre_attn_scalar", 256.0))),
        tied_head(f.value("tie_word_embeddings", true)),
        global(read_rope(f, head_dim, global_keys(f), f.value("rope_theta", 1e6))),
        local(read_rope(f, head_dim, "rope_parameters.sliding_attention.",
                        f.value("rope_local_base_freq", 10000.0))),
        window(f.value("sliding_window", 4096)),
        pattern(f.value("sliding_window_pattern", f.value("_sliding_window_pattern", 6))),
        kinds(read_layer_kinds(f, layers)),
        attn_bias(read_bias(f, "attention_bias")),
        offset_gains(f.value("autark.norm_offset", 0) == 0) {
    check_heads(f, heads, kv_heads, head_dim);
    check_activation(f, "hidden_activation", {"gelu_pytorch_tanh"});
    if (window < 1 || pattern < 1) f.refuse("sliding_window and its pattern must be positive");
    if (!(scale > 0)) f.refuse("query_pre_attn_scalar is not positive");
    if (f.value("use_bidirectional_attention", false))
      f.refuse("use_bidirectional_attention is true; only models that generate are supported");
    for (const char* key : {"attn_logit_softcapping", "final_logit_softcapping"})
      if (f.has(key)) f.refuse(std::string(key) + " is set; no published Gemma 3 has that");
  }
  // Scaling of the layers that see everything; newer files have both kinds in one object.
  static std::string global_keys(const ConfigFile& f) {
    const std::string newer = "rope_parameters.full_attention";
    return f.has("rope_scaling") || !f.has(newer) ? "rope_scaling." : newer + ".";
  }
  bool slides(int i) const { return kinds.empty() ? (i + 1) % pattern != 0 : kinds[i] == LayerKind::sliding; }
};

struct Layer {
  Tensor attn_norm, q_norm, k_norm, attn_out_norm, ffn_norm, ffn_out_norm;
  Weight q, k, v, o, gate, up, down;
  Tensor q_bias, k_bias, v_bias, o_bias;  // with attention_bias
};

class Gemma3 final : public Model {
 public:
  Gemma3(const Config& config, Weights& w) : c(config) { load(w); }

  int layers() const override { return c.layers; }
  int64_t vocabulary() const override { return c.vocab; }
  int64_t context() const override { return c.context; }

  std::vector<Stream> state(int i) const override {
    const Shape row{w_[i].k.rows() / c.head_dim, c.head_dim};  // this rank's KV heads
    const int keep = c.slides(i) ? c.window : 0;
    return {{.name = "k", .row = row, .keep = keep}, {.name = "v", .row = row, .keep = keep}};
  }

  Tensor embed(Step& s) const override { return s.on.rows(embed_, s.tokens, std::sqrt(float(c.dim))); }

  Tensor layer(Step& s, int i, Tensor x) const override {
    const Layer& w = w_[i];
    Tensor a = attention(s, w, i, s.on.rms_norm(x, w.attn_norm, c.eps));
    Tensor h = s.on.add_rms_norm(&x, s.on.rms_norm(a, w.attn_out_norm, c.eps), w.ffn_norm, c.eps);
    return s.on.add(x, s.on.rms_norm(mlp(s, w, h), w.ffn_out_norm, c.eps));
  }

  Tensor logits(Step& s, Tensor x) const override {
    x = s.on.rms_norm(s.on.pick(x, s.wanted), norm_, c.eps);
    return s.on.linear(s.note(c.layers, "norm", x), head_);
  }

 private:
  Tensor attention(Step& s, const Layer& w, int i, Tensor x) const {
    Chip& on = s.on;
    const Rope& rope = c.slides(i) ? c.local : c.global;
    Tensor q = on.rms_norm(on.linear(x, w.q, w.q_bias).split(c.head_dim), w.q_norm, c.eps);
    Tensor k = on.rms_norm(on.linear(x, w.k, w.k_bias).split(c.head_dim), w.k_norm, c.eps);
    Tensor v = on.linear(x, w.v, w.v_bias).split(c.head_dim);
    q = on.rope(q, s.positions, rope);
    k = on.rope(k, s.positions, rope);
    const Attend how{.scale = c.scale, .window = c.slides(i) ? c.window : 0};
    Tensor o = on.attention(q, k, v, s.state(i, 0), s.state(i, 1), how);
    return on.all_sum(on.linear(o.join(), w.o, w.o_bias));
  }

  Tensor mlp(Step& s, const Layer& w, Tensor x) const {
    return s.on.all_sum(s.on.ffn(x, w.gate, w.up, w.down, Act::gelu_tanh));
  }

  Tensor gain(Weights& w, const std::string& name, int64_t n) const {
    Tensor g = w.vector(name, {n});
    for (int64_t i = 0; c.offset_gains && g.data && i < n; ++i) g.f32()[i] += 1;
    return g;
  }

  void load(Weights& w) {
    const int64_t D = c.dim, Q = c.heads * c.head_dim, KV = c.kv_heads * c.head_dim, F = c.ffn_dim;
    embed_ = w.need("model.embed_tokens.weight", {c.vocab, D});
    norm_ = gain(w, "model.norm.weight", D);
    head_ = load_head(w, embed_, c.tied_head);
    for (int i = 0; i < c.layers; ++i) {
      const std::string p = "model.layers." + std::to_string(i) + ".", a = p + "self_attn.", m = p + "mlp.";
      w_.push_back({.attn_norm = gain(w, p + "input_layernorm.weight", D),
                    .q_norm = gain(w, a + "q_norm.weight", c.head_dim),
                    .k_norm = gain(w, a + "k_norm.weight", c.head_dim),
                    .attn_out_norm = gain(w, p + "post_attention_layernorm.weight", D),
                    .ffn_norm = gain(w, p + "pre_feedforward_layernorm.weight", D),
                    .ffn_out_norm = gain(w, p + "post_feedforward_layernorm.weight", D),
                    .q = w.need(a + "q_proj.weight", {Q, D}, Cut::out),
                    .k = w.need(a + "k_proj.weight", {KV, D}, Cut::out),
                    .v = w.need(a + "v_proj.weight", {KV, D}, Cut::out),
                    .o = w.need(a + "o_proj.weight", {D, Q}, Cut::in),
                    .gate = w.need(m + "gate_proj.weight", {F, D}, Cut::out),
                    .up = w.need(m + "up_proj.weight", {F, D}, Cut::out),
                    .down = w.need(m + "down_proj.weight", {D, F}, Cut::in),
                    .q_bias = load_bias(w, c.attn_bias, a + "q_proj.bias", {Q}, Cut::out),
                    .k_bias = load_bias(w, c.attn_bias, a + "k_proj.bias", {KV}, Cut::out),
                    .v_bias = load_bias(w, c.attn_bias, a + "v_proj.bias", {KV}, Cut::out),
                    .o_bias = load_bias(w, c.attn_bias, a + "o_proj.bias", {D}, Cut::once)});
    }
  }

  Config c;
  Weight embed_, head_;
  Tensor norm_;
  std::vector<Layer> w_;
};

REGISTER_MODEL("gemma3", Gemma3, Config);

}  // namespace
}  // namespace autark
