// One layer of DeepSeek-V4 (trunk, MTP and DSpark are made of them): two sublayers, attention and experts,
// each inside a hyper-connection. The residual is n parallel streams [rows, n, D]; a sublayer reads a learned
// mix of them (pre) and writes back through post and comb, comb made doubly stochastic by Sinkhorn:
//
//   x ← post ⊗ F(norm(Σ_j pre_j x_j)) + combᵀ x
//
// Attention: one shared latent row a token is key and value at once; the last `window` of them stay exact,
// older ones are pooled `ratio`:1. At 4:1 a small scorer, the lightning indexer, picks the pooled rows.
// Experts: routed by score, or in the first layers by token id, one shared expert beside them.
#pragma once
#include <functional>
#include <string>
#include <vector>
#include "chips/v4_ops.h"
#include "models/layers/v4_config.h"
#include "models/model.h"

namespace autark {

struct HyperConnection {
  Weight fn;
  Vector scale, base;
};

class V4Block {
 public:
  // Reads "<prefix>attn.wq_a.weight" and so on; outlived by `c` and by the weights.
  V4Block(const V4Config& c, Weights& w, const std::string& prefix, int64_t ratio, bool by_token);

  std::vector<Stream> state() const;
  // `i`: the layer whose state it is, and that its notes name.
  Tensor operator()(Step& s, int i, Tensor x) const;

  // What DSpark's stages, which have a window only, do otherwise: what their queries attend to, and where the
  // window's rows come from.
  using Core = std::function<Tensor(Tensor q, Tensor kv, const Rows& window, const Vector& sink)>;
  Tensor operator()(Step& s, int i, Tensor x, const Core& core) const;
  Tensor key_value(Step& s, Tensor x) const;  // rotated, [rows, 1, head_dim]

 private:
  struct Pooler {  // gated pooling of `ratio` rows
    Weight kv, gate;
    Vector ape, norm;
  };
  struct Indexer {
    Weight q, head_weights;
    Pooler pool;
  };

  Tensor attention(Step& s, int i, Tensor x, const Core& core) const;
  Tensor experts(Step& s, int i, Tensor x) const;
  template <class F>
  Tensor sublayer(Step& s, int i, bool attention, Tensor x, F f) const;
  BlockRows pool(Step& s, const Pooler& w, int i, int stream, Tensor x) const;
  Tensor choose(Step& s, int i, Tensor x, Tensor qr) const;
  void load_attention(Weights& get, const std::string& prefix);
  void load_experts(Weights& get, const std::string& prefix, bool by_token);

  const V4Config& c;
  int64_t ratio_;
  HyperConnection hc_attn_, hc_ffn_;
  Vector attn_norm_, ffn_norm_;
  Weight q_a_, q_b_, kv_, o_a_, o_b_;
  Vector q_norm_, kv_norm_, sink_;
  Pooler pool_;
  Indexer index_;
  Weight router_, by_token_, gate_, up_, down_, shared_gate_, shared_up_, shared_down_;
  Vector bias_;
};

// FP8 and FP4 matrices: the official code quantises their inputs, too.
Weight v4_matrix(Weights& get, const std::string& name, Shape shape, Cut cut = Cut::none);
HyperConnection v4_hyper_connection(const V4Config& c, Weights& get, const std::string& name, int64_t rows);

}  // namespace autark
