#include "models/layers/gated_mlp.h"

namespace autark {

GatedMlp GatedMlp::load(Weights& w, const std::string& at, int64_t dim, int64_t width, Bias bias) {
  return {.gate = w.need(at + "gate_proj.weight", {width, dim}, Cut::out),
          .up = w.need(at + "up_proj.weight", {width, dim}, Cut::out),
          .down = w.need(at + "down_proj.weight", {dim, width}, Cut::in),
          .gate_bias = load_bias(w, bias, at + "gate_proj.bias", {width}, Cut::out),
          .up_bias = load_bias(w, bias, at + "up_proj.bias", {width}, Cut::out),
          .down_bias = load_bias(w, bias, at + "down_proj.bias", {dim}, Cut::once)};
}

Tensor GatedMlp::operator()(Step& s, Tensor x, Act act) const {
  if (!gate_bias && !up_bias && !down_bias) return s.on.all_sum(s.on.ffn(x, gate, up, down, act));
  Tensor h = s.on.glu(s.on.linear(x, gate, gate_bias), s.on.linear(x, up, up_bias), act);
  return s.on.all_sum(s.on.linear(h, down, down_bias));
}

}  // namespace autark
