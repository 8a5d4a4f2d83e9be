// The gated feed-forward block (arXiv:2002.05202): y = W_down (act(W_gate x) · W_up x). A bias that a model
// lacks is an empty vector.
#pragma once
#include <string>
#include "models/attention_config.h"
#include "models/model.h"

namespace autark {

struct GatedMlp {
  Weight gate, up, down;
  Vector gate_bias, up_bias, down_bias;

  // Loads tensors with the prefix `at` ("model.layers.3.mlp."): `dim` channels in and out, `width` inside.
  static GatedMlp load(Weights& w, const std::string& at, int64_t dim, int64_t width, Bias bias = Bias::none);
  // [rows, dim] → [rows, dim], summed over ranks.
  Tensor operator()(Step& s, Tensor x, Act act = Act::silu) const;
};

}  // namespace autark
