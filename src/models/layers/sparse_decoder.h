// The frame of decoders with grouped-query attention whose layers are dense or have experts:
//
//   h = x + Attn(norm(x))      y = h + FFN(norm(h)),  FFN: one gated MLP, or a mixture of experts
//
// A model derives from it and loads the layers.
#pragma once
#include "models/layers/decoder.h"
#include "models/layers/gated_mlp.h"
#include "models/layers/grouped_query_attention.h"
#include "models/layers/mixture_of_experts.h"

namespace autark {

struct SparseLayer {
  Vector attn_norm, ffn_norm;
  GroupedQueryAttention attention;
  MixtureOfExperts moe;  // has no router in dense layers
  GatedMlp mlp;          // of dense layers

  // Both norms of the layer whose tensors have the prefix `at`, and its attention.
  static SparseLayer load(Weights& w, const std::string& at, const DecoderConfig& c,
                          GroupedQueryAttention attention) {
    return {.attn_norm = w.vector(at + "input_layernorm.weight", {c.dim}),
            .ffn_norm = w.vector(at + "post_attention_layernorm.weight", {c.dim}),
            .attention = std::move(attention)};
  }
  Tensor feed_forward(Step& s, int i, Tensor x) const { return moe.router ? moe(s, i, x) : mlp(s, x); }
};

template <class Config>
class SparseDecoder : public Decoder<Config, SparseLayer> {
 public:
  std::vector<StateSpec> state_specs(int i) const override { return this->w_[i].attention.state_specs(); }

  Tensor layer(Step& s, int i, Tensor x) const override {
    const SparseLayer& w = this->w_[i];
    Tensor a = w.attention(s, i, s.on.rms_norm(x, w.attn_norm, this->c.eps), this->c.rope);
    Tensor h = s.on.add_rms_norm(&x, a, w.ffn_norm, this->c.eps);
    return s.on.add(x, w.feed_forward(s, i, h));
  }

 protected:
  using Decoder<Config, SparseLayer>::Decoder;
};

}  // namespace autark
