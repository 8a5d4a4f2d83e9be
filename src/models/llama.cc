// Llama (arXiv:2407.21783) and its like: grouped-query attention with RoPE, SwiGLU. SmolLM2 is one of them.
//
//   h = x + Attn(norm(x))      Attn: softmax(q kᵀ / √d) v, RoPE on q and k
//   y = h + W_down (silu(W_gate h') · W_up h'),  h' = norm(h)
#include <cmath>
#include "models/attention_config.h"
#include "models/model.h"

namespace autark {
namespace {

struct Config {
  int64_t layers, dim, heads, kv_heads, head_dim, ffn_dim, vocab, context;
  float eps, scale;
  bool tied_head;  // logits come from the embedding
  Rope rope;
  Bias attn_bias, ffn_bias;

  explicit Config(const ConfigFile& f)
      : layers(f.need_int("num_hidden_layers", 1, kLayersMax)),
        dim(f.need_int("hidden_size")),
        heads(f.need_int("num_attention_heads")),
        kv_heads(f.value("num_key_value_heads", heads)),
        head_dim(f.value("head_dim", dim / heads)),
        ffn_dim(f.need_int("intermediate_size")),
        vocab(f.need_int("vocab_size")),
        context(read_context(f, 2048)),
        eps(f.value("rms_norm_eps", 1e-6)),
        scale(1 / std::sqrt(float(head_dim))),
        tied_head(f.value("tie_word_embeddings", false)),
        rope(read_rope(f, head_dim)),
        attn_bias(read_bias(f, "attention_bias")),
        ffn_bias(read_bias(f, "mlp_bias")) {
    check_heads(f, heads, kv_heads, head_dim);
    check_activation(f, "hidden_act", {"silu", "swish"});
  }
};

struct Layer {
  Tensor attn_norm, ffn_norm;
  Weight q, k, v, o, gate, up, down;
  Tensor q_bias, k_bias, v_bias, o_bias, gate_bias, up_bias, down_bias;  // most checkpoints have none
};

class Llama final : public Model {
 public:
  Llama(const Config& config, Weights& w) : c(config) { load(w); }

  int layers() const override { return c.layers; }
  int64_t vocabulary() const override { return c.vocab; }
  int64_t context() const override { return c.context; }

  std::vector<Stream> state(int i) const override {
    const Shape row{w_[i].k.rows() / c.head_dim, c.head_dim};  // this rank's KV heads
    return {{.name = "k", .row = row}, {.name = "v", .row = row}};
  }

  Tensor embed(Step& s) const override { return s.on.rows(embed_, s.tokens); }

  Tensor layer(Step& s, int i, Tensor x) const override {
    const Layer& w = w_[i];
    Tensor a = attention(s, w, i, s.on.rms_norm(x, w.attn_norm, c.eps));
    Tensor h = s.on.add_rms_norm(&x, a, w.ffn_norm, c.eps);
    return s.on.add(x, mlp(s, w, h));
  }

  Tensor logits(Step& s, Tensor x) const override {
    x = s.on.rms_norm(s.on.pick(x, s.wanted), norm_, c.eps);
    return s.on.linear(s.note(c.layers, "norm", x), head_);
  }

 private:
  Tensor attention(Step& s, const Layer& w, int i, Tensor x) const {
    Chip& on = s.on;
    Tensor q = on.rope(on.linear(x, w.q, w.q_bias).split(c.head_dim), s.positions, c.rope);
    Tensor k = on.rope(on.linear(x, w.k, w.k_bias).split(c.head_dim), s.positions, c.rope);
    Tensor v = on.linear(x, w.v, w.v_bias).split(c.head_dim);
    Tensor o = on.attention(q, k, v, s.state(i, 0), s.state(i, 1), {.scale = c.scale});
    return on.all_sum(on.linear(o.join(), w.o, w.o_bias));
  }

  Tensor mlp(Step& s, const Layer& w, Tensor x) const {
    if (!w.gate_bias && !w.up_bias && !w.down_bias) return s.on.all_sum(s.on.ffn(x, w.gate, w.up, w.down));
    Tensor h = s.on.glu(s.on.linear(x, w.gate, w.gate_bias), s.on.linear(x, w.up, w.up_bias));
    return s.on.all_sum(s.on.linear(h, w.down, w.down_bias));
  }

  void load(Weights& w) {
    const int64_t D = c.dim, Q = c.heads * c.head_dim, KV = c.kv_heads * c.head_dim, F = c.ffn_dim;
    embed_ = w.need("model.embed_tokens.weight", {c.vocab, D});
    norm_ = w.vector("model.norm.weight", {D});
    head_ = load_head(w, embed_, c.tied_head);
    apply_rope_divisors(c.rope, w);
    for (int i = 0; i < c.layers; ++i) {
      const std::string p = "model.layers." + std::to_string(i) + ".", a = p + "self_attn.", m = p + "mlp.";
      w_.push_back({.attn_norm = w.vector(p + "input_layernorm.weight", {D}),
                    .ffn_norm = w.vector(p + "post_attention_layernorm.weight", {D}),
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
                    .o_bias = load_bias(w, c.attn_bias, a + "o_proj.bias", {D}, Cut::once),
                    .gate_bias = load_bias(w, c.ffn_bias, m + "gate_proj.bias", {F}, Cut::out),
                    .up_bias = load_bias(w, c.ffn_bias, m + "up_proj.bias", {F}, Cut::out),
                    .down_bias = load_bias(w, c.ffn_bias, m + "down_proj.bias", {D}, Cut::once)});
    }
  }

  Config c;
  Weight embed_, head_;
  Tensor norm_;
  std::vector<Layer> w_;
};

REGISTER_MODEL("llama", Llama, Config);

}  // namespace
}  // namespace autark
