// The config.json of a DeepSeek-V4 model, for trunk and draft heads.
#pragma once
#include <vector>
#include "chips/rope.h"
#include "models/config_file.h"

namespace autark {

struct V4Config {
  int64_t layers, dim, heads, head_dim, q_rank, o_rank, o_groups, window;
  int64_t index_heads, index_dim, index_top_k, hc, sinkhorn_iters;
  int64_t experts, experts_per_token, expert_dim, hash_layers, vocab, context;
  float eps, hc_eps, route_scale, swiglu_limit;
  std::vector<int64_t> ratios;  // per layer: 0 window only, 4 indexed, others pooled without choice
  Rope rope_near, rope_far;     // of layers with a window only; of layers that pool

  explicit V4Config(const ConfigFile& f);
};

}  // namespace autark
