// A feed-forward block of many gated MLPs. A router chooses k of them for every token:
//
//   y = Σ_{e∈topk} p_e W_down,e (silu(W_gate,e x) · W_up,e x),   p = softmax over all experts, or over the k
#pragma once
#include <string>
#include "models/model.h"

namespace autark {

struct MixtureOfExperts {
  struct Sizes {
    int64_t experts, chosen;  // chosen: the k of the formula
    int64_t dim, width;       // channels outside and inside an expert
    bool renormalise;         // the weights of the chosen experts sum to 1
  };
  Routing routing;
  Weight router, gate, up, down;

  // Loads tensors with the prefix `at` ("model.layers.3.mlp."): "gate.weight" and "experts.N.*_proj".
  static MixtureOfExperts load(Weights& w, const std::string& at, const Sizes& sizes);
  // [rows, dim] → [rows, dim], summed over ranks. Notes "router_ids" and "router_weights" of layer `i`.
  Tensor operator()(Step& s, int i, Tensor x) const;
};

}  // namespace autark
