// Reads the config keys that checkpoints of the Llama family share: the rotary embedding with its scaling,
// windows, biases, tied heads, head counts. What an absent key means differs between families; where a caller
// passes no value, it is what it means to Llama. Faults are reported to the ConfigFile.
#pragma once
#include <initializer_list>
#include <optional>
#include <string>
#include <vector>
#include "chips/rope.h"
#include "models/config_file.h"
#include "weights/weights.h"

namespace autark {

struct RopeDefaults {
  double theta = 10000;  // the base if the config has none
  // Of partial_rotary_factor, for models whose heads turn in part; others refuse a factor that is not 1.
  std::optional<double> part = {};
  // For Hunyuan: `dynamic` stretches the base by a power of its `alpha`; without one it is none. Others refuse it.
  bool stretches = false;
};
// From rope_theta and rope_scaling, or the newer rope_parameters. The scaling is none, linear, llama3 or yarn;
// another one is a fault.
Rope read_rope(const ConfigFile& f, int64_t head_dim, RopeDefaults defaults = {});
// The same from the keys with the prefix `at` ("rope_scaling.").
Rope read_rope(const ConfigFile& f, int64_t head_dim, const std::string& at, const RopeDefaults& defaults);
// 0.1 · m · ln(factor) + 1 for a yarn scaling with the key mscale_all_dim, m; else 1. DeepSeek-V3 multiplies
// the scores by its square.
double read_score_factor(const ConfigFile& f);

// The number of positions the checkpoint supports: max_position_embeddings, or the original length times the
// factor of yarn if that is more.
int64_t read_context(const ConfigFile& f, int64_t fallback);

// The window of each layer, 0 for layers without one. sliding_window counts only with use_sliding_window, and
// then for the sliding layers of layer_types, or, without layer_types, from layer max_window_layers on.
std::vector<int> read_windows(const ConfigFile& f, int64_t layers);

// The attention of a layer: all positions, or a sliding window. The list is empty without layer_types.
enum class LayerKind : uint8_t { full, sliding };
std::vector<LayerKind> read_layer_kinds(const ConfigFile& f, int64_t layers);

// Whether projections have biases. as_stored: the config has no such key, so the file decides.
enum class Bias : uint8_t { as_stored, none, needed };
Bias read_bias(const ConfigFile& f, const std::string& key);
// The bias `name`, empty if there is none. A needed one that is missing is a fault of `w`.
Vector load_bias(Weights& w, Bias bias, const std::string& name, Shape shape, Cut cut);

// lm_head.weight, or the embedding if they are tied. If a file stores both, its lm_head is used. Cut by
// vocabulary over ranks, so its product goes through Chip::all_gather.
Weight load_head(Weights& w, const Weight& embed, bool tied);

// Refuses an activation that is not among `names`. The first of them is the default.
void check_activation(const ConfigFile& f, const char* key, std::initializer_list<const char*> names);

// Divides the frequencies by the tensor rope_freqs.weight, if there is one: llama's GGUF files store the
// llama3 scaling in that form instead of in the config.
void apply_rope_divisors(Rope& rope, Weights& w);

// Refuses head counts and sizes that do not fit together.
void check_heads(const ConfigFile& f, int64_t heads, int64_t kv_heads, int64_t head_dim);

}  // namespace autark
