// One layer of DeepSeek-V4, used by trunk, MTP and DSpark: two sublayers, attention and experts, each inside
// a hyper-connection. The residual is n parallel streams [rows, n, D]; a sublayer reads a learned mix of them
// (pre) and writes back through post and comb, where Sinkhorn makes comb doubly stochastic:
//
//   x ← post ⊗ F(norm(Σ_j pre_j x_j)) + combᵀ x
//
// Attention: one shared latent row per token is both key and value. The last `window` rows stay exact, older
// ones are pooled `ratio`:1. At 4:1 a small scorer, the lightning indexer, picks the pooled rows to attend
// to. Experts are chosen by score, or in the first layers by token id, beside one shared expert.
#pragma once
#include <functional>
#include <string>
#include <vector>
#include "chips/v4_ops.h"
#include "models/layers/v4_config.h"
#include "models/model.h"

namespace autark {

struct HyperConnection {  // the arguments of V4Ops::hc_mix
  Weight fn;
  Vector scale, base;
};
// `iterations`: of Sinkhorn; 0: for the final collapse of the streams.
inline MixParameters mix_parameters(const HyperConnection& h, const V4Config& c, int64_t iterations) {
  return {h.fn, h.scale, h.base, c.eps, c.hc_eps, int(iterations)};
}

class V4Block {
 public:
  // Reads the tensors "<prefix>attn.wq_a.weight" and so on. `c` and the weights must outlive it.
  V4Block(const V4Config& c, Weights& w, const std::string& prefix, int64_t ratio, bool by_token);

  std::vector<StateSpec> state_specs() const;
  // [rows, n, D] → [rows, n, D]. `i` is the layer of its state and of its notes.
  Tensor operator()(Step& s, int i, Tensor x) const;

  // The variant for DSpark's stages, which have only a window: `core` replaces the attention over the window,
  // whose rows come from the trunk.
  using Core = std::function<Tensor(Tensor q, Tensor kv, const StateView& window, const Vector& sink)>;
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
  struct Gated {  // what is pooled, by its weights
    Tensor kv, gate;
  };
  Tensor normed_key(Step& s, Tensor latent) const;  // [rows, 1, head_dim]
  BlockView pool(Step& s, const Pooler& w, int i, int stream, Gated x) const;
  Tensor choose(Step& s, int i, Tensor q, Tensor weights, const BlockView& keys) const;
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

// An FP8 or FP4 matrix, for which the official code also quantises the inputs.
Weight v4_matrix(Weights& get, const std::string& name, Shape shape, Cut cut = Cut::none);
// The hyper-connection with the name prefix `name` and `rows` outputs: (2 + n) n, or n before a head.
HyperConnection v4_hyper_connection(const V4Config& c, Weights& get, const std::string& name, int64_t rows);

}  // namespace autark
