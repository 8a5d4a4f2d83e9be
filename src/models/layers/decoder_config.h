// A decoder's sizes, under the keys of the Llama family. A model's Config derives from it and adds its own.
#pragma once
#include "models/attention_config.h"

namespace autark {

struct DecoderConfig {
  // What absent keys mean in the model's family.
  struct Defaults {
    int64_t context = 2048;
    int64_t head_dim = 0;  // 0: hidden_size / num_attention_heads
    double eps = 1e-6;
    bool tied_head = false;
    RopeDefaults rope = {};
  };
  DecoderConfig(const ConfigFile& f, const Defaults& defaults);

  int64_t layers, dim, heads, kv_heads, head_dim, vocab, context;
  float eps;       // of every RMS norm
  float scale;     // of attention scores: 1/√head_dim
  bool tied_head;  // logits use the embedding matrix
  Rope rope;
};

}  // namespace autark
