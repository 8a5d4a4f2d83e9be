// The tensors of a DeepSeek-V4 checkpoint in safetensors files: name, type and shape, computed from its
// config. The names have no "model." prefix.
//
//   FP8 [o, i]   X.weight F8_E4M3 [o, i]    X.scale F8_E8M0 [⌈o/128⌉, ⌈i/128⌉]
//   FP4 [o, i]   X.weight I8 [o, i/2]       X.scale F8_E8M0 [o, i/32]
#pragma once
#include <cstdint>
#include <string>
#include <vector>
#include "models/layers/v4_config.h"

namespace autark {

// Draft heads: MTP blocks (previews have one; the first block drafts), or DSpark stages (releases
// from 0731 on).
enum class V4Draft : uint8_t { none, mtp, dspark };

// The differences between releases of one size.
struct V4Contents {
  V4Draft draft = V4Draft::none;
  bool fp4_experts = true;               // false: FP8, as in the base models
  bool experts_named = false;            // the config says which of them
  int64_t stages = 0;                    // of DSpark, or blocks of MTP
  int64_t targets = 0, markov_rank = 0;  // of DSpark; targets: number of layers it reads
};

// From the keys dspark_block_size, num_nextn_predict_layers and expert_dtype.
V4Contents read_v4_contents(const ConfigFile& f, const V4Config& c);

struct V4Tensor {
  std::string name;
  const char* dtype;
  std::vector<int64_t> shape;
  int64_t bytes() const;
};

std::vector<V4Tensor> v4_tensors(const V4Config& c, const V4Contents& with);  // of a whole checkpoint

}  // namespace autark
