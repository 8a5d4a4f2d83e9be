// What the attention of every Llama-like checkpoint says in its config in the same words: the rotary
// embedding with its scaling, and head counts that fit each other.
#pragma once
#include "chips/rope.h"
#include "models/config_file.h"
#include "weights/weights.h"

namespace autark {

// From rope_theta and rope_scaling, or the newer rope_parameters: none, linear, llama3 or yarn; another kind
// is a fault. `theta` overrides the file's.
Rope read_rope(const ConfigFile& f, int64_t head_dim);
Rope plain_rope(const ConfigFile& f, int64_t head_dim, double theta);

// GGUF llama files carry the llama3 scaling as a tensor of divisors instead of in the config.
void apply_rope_divisors(Rope& rope, Weights& w);

void check_heads(const ConfigFile& f, int64_t heads, int64_t kv_heads, int64_t head_dim);

}  // namespace autark
