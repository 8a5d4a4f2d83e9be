// Qwen3-Next (Qwen, 2025): gated DeltaNet and, every fourth layer, gated attention; experts in every layer that the
// config does not make dense, with a gated shared expert. layers/hybrid_decoder.h has the equations.
#include "models/architecture.h"
#include "models/layers/hybrid_decoder.h"

namespace autark {
namespace {

struct Config : HybridConfig {
  explicit Config(const ConfigFile& f) : HybridConfig(f) { read_experts(f, f.value("norm_topk_prob", true)); }
};

REGISTER_ARCHITECTURE({.name = "qwen3_next",
                       .make = &make_model<HybridDecoder, Config>,
                       .rounding = kFastAsQwen2});

}  // namespace
}  // namespace autark
