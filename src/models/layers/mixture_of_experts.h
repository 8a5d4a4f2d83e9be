// A feed-forward block of many gated MLPs. A router chooses k of them for every token; some models add a shared
// MLP that every token has:
//
//   y = Σ_{e∈topk(p + bias)} w_e MLP_e(x) + MLP_shared(x),   p = score(W_router x),  w = p of the chosen
//
// `Routing` says how p is computed and how w is scaled. A bias or a shared MLP that a model lacks is empty.
#pragma once
#include <string>
#include "models/layers/gated_mlp.h"
#include "models/model.h"

namespace autark {

struct MixtureOfExperts {
  struct Sizes {
    int64_t experts, dim, width;  // dim: channels outside an expert, width: inside
    int64_t shared = 0;           // inside the shared MLP; 0: there is none
    Bias shared_bias = Bias::none;
    Routing routing = {};
  };
  // The names of its tensors. A null name: the model has no such tensor.
  struct Names {
    const char* router = "gate.weight";
    const char* bias = nullptr;  // of the choice
    const char* gate = "experts.*.gate_proj.weight";
    const char* up = "experts.*.up_proj.weight";
    const char* down = "experts.*.down_proj.weight";
    const char* shared = nullptr;  // prefix
  };
  Routing routing;
  Weight router, gate, up, down;
  Vector bias, router_bias;
  ExpertBiases biases = {};
  GatedMlp shared = {};
  Act act = Act::silu;
  float limit = 0;  // of the activation; 0: none

  // Loads tensors with the prefix `at` ("model.layers.3.mlp."). The model sets the other biases itself.
  static MixtureOfExperts load(Weights& w, const std::string& at, const Sizes& sizes, const Names& names);
  static MixtureOfExperts load(Weights& w, const std::string& at, const Sizes& sizes) {
    return load(w, at, sizes, Names{});
  }
  // [rows, dim] → [rows, dim], summed over ranks. Notes "router_ids" and "router_weights" of layer `i`.
  Tensor operator()(Step& s, int i, Tensor x) const;
};

// Refuses a router that cannot choose so many experts, or groups that do not fit.
void check_experts(const ConfigFile& f, const MixtureOfExperts::Sizes& sizes);

}  // namespace autark
