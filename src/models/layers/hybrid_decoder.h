// The decoders of Qwen3-Next and Qwen3.5: every few layers gated attention, gated DeltaNet between them. Norms
// multiply by (1 + gain), except the one inside DeltaNet.
//
//   h = x + Mix(norm(x))       Mix: DeltaNet (layers/delta_net.h), or
//                              W_o (σ(W_g x) ⊙ softmax(q kᵀ / √d) v), RoPE on the first channels of a head
//   y = h + FFN(norm(h))       FFN: a gated MLP, or experts and a shared one with a gate:
//   FFN(x) = Σ_{e∈topk p} w_e MLP_e(x) + σ(w_s·x) MLP_shared(x),  p = softmax(W_r x)
#pragma once
#include "models/layers/decoder.h"
#include "models/layers/delta_net.h"
#include "models/layers/gated_mlp.h"
#include "models/layers/grouped_query_attention.h"
#include "models/layers/mixture_of_experts.h"

namespace autark {

struct HybridConfig : DecoderConfig {
  DeltaNet::Sizes delta;
  std::vector<bool> full;  // which layers have attention
  bool offset_gains;       // gains are stored without the 1
  int64_t ffn_dim;         // of dense layers
  int64_t shared_dim = 0;  // of the shared expert
  // Which layers have experts; experts 0: none.
  MixtureOfExperts::Sizes moe = {};
  int64_t sparse_step = 1;
  std::vector<int64_t> dense_layers;

  explicit HybridConfig(const ConfigFile& f);
  // Reads the experts' keys.
  void read_experts(const ConfigFile& f, bool renormalise);
  bool sparse(int i) const;
};

struct HybridLayer {
  Vector mix_norm, ffn_norm;
  GroupedQueryAttention attention;  // has no q in layers with DeltaNet
  DeltaNet delta;
  GatedMlp mlp;  // of dense layers
  MixtureOfExperts moe;
  Weight shared_gate;
  Weight gate, up, down;  // of the shared expert, as stacks of one
};

class HybridDecoder final : public Decoder<HybridConfig, HybridLayer> {
 public:
  HybridDecoder(const HybridConfig& config, Weights& w);
  std::vector<StateSpec> state_specs(int i) const override;
  Tensor layer(Step& s, int i, Tensor x) const override;

 private:
  HybridLayer load(Weights& w, int i) const;
  GroupedQueryAttention load_attention(Weights& w, const std::string& at) const;
  void load_experts(Weights& w, const std::string& at, HybridLayer& l) const;
  Tensor experts(Step& s, int i, Tensor x) const;
  Vector gain(Weights& w, const Vector& stored) const;
};

}  // namespace autark
