// The V4 verbs as recorders of operations: one file each.
#pragma once
#include "chips/cpu/recorder.h"
#include "chips/v4_ops.h"

namespace autark {

// Hyper-connections: v4_streams.cc. `to_bf16` rounds as the official code does, here and below.
Tensor record_hc_spread(Recorder& on, Tensor x, int copies);
Mix record_hc_mix(Recorder& on, Tensor x, const MixParameters& of);
// `eager`: the result is never rounded for a product in the same operation.
Tensor record_hc_read(Recorder& on, bool to_bf16, bool eager, Tensor x, const MixParameters& of,
                      const Vector& gain, Mix* mix);
Tensor record_hc_pre(Recorder& on, bool to_bf16, Tensor x, Tensor pre);
Tensor record_hc_post(Recorder& on, bool to_bf16, Tensor y, Tensor x, Tensor post, Tensor comb);

// v4_pool.cc
void record_pool(Recorder& on, bool official, Tensor kv, Tensor gate, const Pool& how, const BlockView& into);

// v4_index.cc
Tensor record_hadamard(Recorder& on, bool to_bf16, Tensor x);
Tensor record_quantise(Recorder& on, Tensor x, Format f);
Tensor record_index_top_k(Recorder& on, bool to_bf16, Tensor q, Tensor head_weights, const BlockView& keys,
                          int k, Tensor* scores);

// v4_sparse.cc
Tensor record_sparse_attention(Recorder& on, bool to_bf16, Tensor q, Tensor kv, const StateView& window,
                               const BlockView& far, Tensor picks, const Vector& sink);
Tensor record_block_attention(Recorder& on, Tensor q, Tensor kv, const StateView& window, const Vector& sink);
void record_extend(Recorder& on, const StateView& window, Tensor kv);

}  // namespace autark
