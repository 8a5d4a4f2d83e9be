// Multi-head latent attention (DeepSeek-V2, arXiv:2405.04434), absorbed: the state has one row per token, which
// is key and value of all heads.
//
//   [c | r] = W_kva x,  row = [norm(c) | RoPE(r)]          q = W_q x or W_qb norm(W_qa x), heads [n | r]
//   score_h = scale · ([W_kn,hᵀ q_n | RoPE(q_r)] · row)    o_h = W_v,h Σ softmax(score_h) norm(c)
//   y = W_o [o_1 … o_H]
//
// W_kn,h and W_v,h are the rows of W_kvb for the keys and the values of head h.
#pragma once
#include <string>
#include <vector>
#include "models/model.h"

namespace autark {

struct LatentAttention {
  struct Sizes {
    int64_t dim, heads;
    int64_t query_rank;            // rows of W_qa; 0: the model has W_q
    int64_t latent;                // channels of c
    int64_t plain, turned, value;  // channels of a head: without RoPE, with RoPE, of values
    float scale;                   // of the scores
    bool split;                    // the file has W_kvb as a stack of W_kn,hᵀ and one of W_v,h
    bool bias;                     // on W_qa, W_kva and W_o
  };
  Sizes sizes;
  Weight q, q_a, q_b, kv_a, absorb_k, absorb_v, o;  // absorb_k [heads, latent, plain], absorb_v
  Vector q_norm, kv_norm, q_a_bias, kv_a_bias, o_bias;

  // Loads tensors with the prefix `at` ("model.layers.3.self_attn.").
  static LatentAttention load(Weights& w, const std::string& at, const Sizes& sizes);
  // The stream that operator() uses as the first of its layer.
  std::vector<StateSpec> state_specs() const;
  // The output of layer `i` for x, which is already normed; summed over ranks. `rope` turns the last channels.
  Tensor operator()(Step& s, int i, Tensor x, const Rope& rope) const;
};

}  // namespace autark
