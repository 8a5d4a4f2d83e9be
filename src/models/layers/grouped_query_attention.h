// Grouped-query attention with RoPE (arXiv:2305.13245): several query heads share one key and value head.
//
//   y = W_o · softmax(scale · q kᵀ) v      q = RoPE(norm(W_q x)), k = RoPE(norm(W_k x)), v = W_v x
//
// A bias, a norm or a sink that a model lacks is an empty vector. Some models norm q and k after RoPE; some have
// a gate: y = W_o (σ(W_g x) ⊙ softmax(…) v), with the rows of W_g after those of W_q in each head.
#pragma once
#include <string>
#include <vector>
#include "models/layers/decoder_config.h"
#include "models/model.h"

namespace autark {

struct GroupedQueryAttention {
  int64_t head_dim;
  float eps;   // of the norms
  Attend how;  // scale, window, sinks
  Weight q, k, v, o;
  Vector q_bias, k_bias, v_bias, o_bias;
  // [head_dim]: one gain for all heads; [heads · head_dim]: one norm over the heads of all ranks, whose k is whole.
  Vector q_norm, k_norm;
  bool norm_after_rope = false;
  bool gated = false;  // q has 2 · head_dim rows for each head

  // Loads projections and biases from the tensors with the prefix `at` ("model.layers.3.self_attn."). The
  // model sets norms itself. A window of 0 means all positions.
  static GroupedQueryAttention load(Weights& w, const std::string& at, const DecoderConfig& c, Bias qkv,
                                    Bias o, int window = 0);
  // The streams that operator() uses as the first two of its layer: keys and values.
  std::vector<StateSpec> state_specs() const;
  // The output of layer `i` for x, which is already normed; summed over ranks.
  Tensor operator()(Step& s, int i, Tensor x, const Rope& rope) const;

 private:
  // RoPE and the norm of q or k, [rows, heads, head_dim]; `heads` says which of them this rank keeps.
  Tensor rotated(Step& s, Tensor x, const Vector& norm, const Rope& rope, Cut heads) const;
};

}  // namespace autark
