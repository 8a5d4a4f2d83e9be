// Experts that a checkpoint stores in one tensor, gate and up rows together. Models ask for the tensors of
// single experts ("….experts.7.gate_proj.weight") and for the biases of all ("….experts.gate_proj.bias"); these
// functions find out which part of which fused tensor they are.
//
//   gate_up_proj [E, 2 I, D]      Qwen 3.5: gate rows, then up rows
//   gate_up_proj_blocks, _scales  gpt-oss: rows of gate and up alternate
//   gate_up_proj [E, D, 2 I]      gpt-oss before it was quantised: the same, transposed; down_proj too
#pragma once
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace autark {

struct FusedPart {
  std::string tensor;  // "model.layers.3.mlp.experts.gate_up_proj", without "_blocks", "_bias" …
  int64_t expert = 0;
  bool bias = false;  // of all experts; `expert` is 0
  bool fused = true;  // gate or up: half of the rows
  bool up = false;    // the second half
};
// nullopt if the name is not one of an expert's tensor.
std::optional<FusedPart> fused_part(const std::string& name);

// Rows of bytes: `count` rows of `bytes` from `first` on, `step` rows apart.
struct RowChoice {
  int64_t first = 0, count = 0, step = 1, bytes = 0;
};
std::vector<std::byte> copy_rows(const std::byte* from, const RowChoice& rows);

// The same for a matrix [inputs, outputs] of elements of `bytes`: every `step`-th output from `first` on becomes
// a row of the result.
std::vector<std::byte> copy_columns(const std::byte* from, int64_t inputs, int64_t outputs,
                                    const RowChoice& columns);

}  // namespace autark
