// Verbs only DeepSeek-V4-style models use. Chip::v4() returns a chip's own, or the composite ones
// (v4_composite.cc).
#pragma once
#include "chips/chip.h"

namespace autark {

// Hyper-connection weights of each token: [tokens, n], [tokens, n], [tokens, n, n].
struct Mix {
  Tensor pre, post, comb;
};

// How a window becomes a row: softmax over its tokens per channel, norm, rope at the window's first
// position, for index keys Hadamard. Gates twice as wide as the norm: windows overlap, the previous
// window gives the first half of its channels, this one the second.
struct Pool {
  Vector ape, norm;
  float eps = 0;
  const Rope& rope;
  bool hadamard = false;
};

class V4Ops {
 public:
  virtual ~V4Ops() = default;
  virtual Tensor hc_spread(Tensor x, int copies) = 0;  // x in every stream
  // m = fn·x / RMS over all streams; pre = σ + eps, post = 2σ, comb = Sinkhorn(softmax); 0 iterations: pre
  // only. norm_eps guards the RMS, eps the rest.
  virtual Mix hc_mix(Tensor x, const Weight& fn, const Vector& scale, const Vector& base, float norm_eps,
                     float eps, int sinkhorn_iters) = 0;
  virtual Tensor hc_pre(Tensor x, Tensor pre) = 0;                           // Σ_j pre_j x_j
  virtual Tensor hc_post(Tensor y, Tensor x, Tensor post, Tensor comb) = 0;  // post_k y + Σ_j comb_jk x_j
  // Feeds kv and gate to the open windows; every window they complete becomes a row.
  virtual void pool(Tensor kv, Tensor gate, const Pool& how, BlockRows into) = 0;
  virtual Tensor hadamard(Tensor x) = 0;            // orthonormal, over the last dim
  virtual Tensor quantise(Tensor x, Format f) = 0;  // to the values f's codes hold
  // The k visible rows with the highest Σ_h w_h relu(q_h·key) / √(dim·heads), ties to the lower index;
  // −1 where there are fewer. Row w is visible from position (w + 1)·per − 1 on. `scores`, for those who
  // look: [queries, rows of the longest sequence], −∞ where a row is not visible.
  virtual Tensor index_top_k(Tensor q, Tensor head_weights, BlockRows keys, int k,
                             Tensor* scores = nullptr) = 0;
  // Each query over the last `window.keep` positions and `picks` (empty: every visible row) of `far`;
  // one extra logit, `sink`, per head with value 0.
  virtual Tensor sparse_attention(Tensor q, Tensor kv, Rows window, BlockRows far, Tensor picks,
                                  const Vector& sink) = 0;
  // DSpark: each query over the stored rows of the last `window.keep` positions before this step and over all
  // rows of its own sequence in this step, whatever their order. Stores nothing. `sink` as above.
  virtual Tensor block_attention(Tensor q, Tensor kv, Rows window, const Vector& sink) = 0;
  virtual void extend(Rows window, Tensor kv) = 0;  // stores the step's rows, one a token
};

std::unique_ptr<V4Ops> make_composite_v4(Chip& on);

}  // namespace autark
