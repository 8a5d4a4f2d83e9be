// Gated DeltaNet (arXiv:2412.06464): a layer with a recurrent state in place of attention.
//
//   [q | k | v] = silu(conv(W_qkv x)),  z = W_z x,  a = W_a x,  b = W_b x
//   S ← e^g S;  S ← S + k ⊗ σ(b) (v − Sᵀ k);  o = Sᵀ q          g = −exp(A_log) softplus(a + dt_bias)
//   y = W_out [norm(o_h) ⊙ silu(z_h)]
//
// Chip::gated_delta_rule has the details. Every rank computes the whole layer, so its result is not summed.
#pragma once
#include <string>
#include <vector>
#include "models/model.h"

namespace autark {

struct DeltaNet {
  struct Sizes {
    int64_t dim;
    int64_t key_heads, value_heads, key_dim, value_dim;
    int64_t taps;  // of the convolution
    float eps;     // of the norm
    bool tiled;    // DeltaRule::tiled
    bool decay;    // the file has −exp(A_log), not A_log

    int64_t channels() const { return 2 * key_heads * key_dim + value_heads * value_dim; }
  };
  Sizes sizes;
  // A checkpoint has the four projections each, or qkvz and ba with the rows of each key head together.
  Weight qkvz, ba, qkv, z, a, b, out;
  Vector conv, norm;
  DeltaRule rule;

  static Sizes read(const ConfigFile& f, int64_t dim, float eps);
  // Loads tensors with the prefix `at` ("model.layers.3.linear_attn.").
  static DeltaNet load(Weights& w, const std::string& at, const Sizes& sizes);
  // The streams that operator() uses as the first three of its layer.
  std::vector<StateSpec> state_specs() const;
  // The output of layer `i` for x, which is already normed.
  Tensor operator()(Step& s, int i, Tensor x) const;

 private:
  struct Inputs {
    Tensor qkv, z, a, b;
  };
  Inputs project(Chip& on, Tensor x) const;
};

}  // namespace autark
