// Qwen3.5 and Qwen3.6, the text models (Qwen, 2026): the decoder of Qwen3-Next, dense (`qwen3_5`) or with experts
// in every layer (`qwen3_5_moe`). layers/hybrid_decoder.h has the equations. Checkpoints come with a vision tower
// and a draft head, which are not run; without images their rotary positions are those of the text.
#include "models/architecture.h"
#include "models/layers/hybrid_decoder.h"

namespace autark {
namespace {

struct DenseConfig : HybridConfig {
  explicit DenseConfig(const ConfigFile& f) : HybridConfig(f) { ffn_dim = f.need_int("intermediate_size"); }
};

struct SparseConfig : HybridConfig {
  explicit SparseConfig(const ConfigFile& f) : HybridConfig(f) { read_experts(f, true); }
};

REGISTER_ARCHITECTURE({.name = "qwen3_5",
                       .make = &make_model<HybridDecoder, DenseConfig>,
                       .rounding = kFastAsQwen2});
REGISTER_ARCHITECTURE({.name = "qwen3_5_moe",
                       .make = &make_model<HybridDecoder, SparseConfig>,
                       .rounding = kFastAsQwen2});

}  // namespace
}  // namespace autark
