// Verbs that only DeepSeek-V4-style models use. Chip::v4() returns a chip's own implementation or the
// composite one (v4_composite.cc).
#pragma once
#include "chips/chip.h"

namespace autark {

// Hyper-connection weights of each token: [tokens, n], [tokens, n], [tokens, n, n].
struct Mix {
  Tensor pre, post, comb;
};

// The parameters of hc_mix.
struct MixParameters {
  const Weight& fn;
  const Vector &scale, &base;
  float norm_eps = 0, eps = 0;
  int sinkhorn_iters = 0;
};

// How pool() computes a row from a window of tokens: softmax over the tokens for each channel, norm, rope
// at the window's first position, and a Hadamard transform for index keys. Gates twice as wide as the
// norm mean overlapping windows: the previous window contributes the first half of its channels, this one
// the second half.
struct Pool {
  Vector ape, norm;  // ape [tokens of a window, width]: added to the gates
  float eps = 0;
  const Rope& rope;
  bool hadamard = false;
};

// x has n residual streams per token here: [tokens, n, dim], except where a comment says otherwise.
class V4Ops {
 public:
  virtual ~V4Ops() = default;
  // Copies x [tokens, dim] to every stream.
  virtual Tensor hc_spread(Tensor x, int copies) = 0;
  // The mixing weights of each token. m = fn·x / RMS over all streams; pre = σ + eps, post = 2σ, comb =
  // Sinkhorn(softmax). 0 iterations: only pre is valid. norm_eps guards the RMS, eps the rest.
  virtual Mix hc_mix(Tensor x, const Weight& fn, const Vector& scale, const Vector& base, float norm_eps,
                     float eps, int sinkhorn_iters) = 0;
  virtual Tensor hc_pre(Tensor x, Tensor pre) = 0;  // Σ_j pre_j x_j
  // What a sublayer reads: rms_norm(hc_pre(x, mix->pre), gain) with norm_eps; `mix` as hc_mix gives it.
  virtual Tensor hc_read(Tensor x, const MixParameters& of, const Vector& gain, Mix* mix) = 0;
  virtual Tensor hc_post(Tensor y, Tensor x, Tensor post, Tensor comb) = 0;  // post_k y + Σ_j comb_jk x_j
  // Feeds the step's tokens to the open windows and stores a row for every window that they complete. kv and
  // gate are [tokens, width].
  virtual void pool(Tensor kv, Tensor gate, const Pool& how, BlockView into) = 0;
  virtual Tensor hadamard(Tensor x) = 0;            // orthonormal, over the last dimension
  virtual Tensor quantise(Tensor x, Format f) = 0;  // rounds to the values of format f
  // For each query, the ids of the k visible rows with the highest Σ_h w_h relu(q_h·key) / √(dim·heads), ties
  // to the lower id; −1 if there are fewer. Row w is visible from position (w + 1)·tokens_per_row − 1 on.
  // `scores`, if not null, becomes [queries, rows of the longest sequence], −∞ for rows that are not visible.
  virtual Tensor index_top_k(Tensor q, Tensor head_weights, BlockView keys, int k,
                             Tensor* scores = nullptr) = 0;
  // Attention of each query over the last `window.window_rows` positions and the rows `picks` of `far`
  // (empty: all visible rows), with one extra logit `sink` per head whose value is 0. Then stores kv in the
  // window as extend() does.
  virtual Tensor sparse_attention(Tensor q, Tensor kv, StateView window, BlockView far, Tensor picks,
                                  const Vector& sink) = 0;
  // For DSpark: each query attends to the stored rows of the last `window.window_rows` positions before this
  // step and to all rows of its own sequence in this step, in any order. Stores nothing. `sink` as above.
  virtual Tensor block_attention(Tensor q, Tensor kv, StateView window, const Vector& sink) = 0;
  virtual void extend(StateView window, Tensor kv) = 0;  // stores the step's rows, one per token
};

// The verbs written with host() and each() of `on`, which must outlive them.
std::unique_ptr<V4Ops> make_composite_v4(Chip& on);

}  // namespace autark
