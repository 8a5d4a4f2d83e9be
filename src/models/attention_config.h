// What checkpoints of the Llama family say in the same words: the rotary embedding with its scaling, windows,
// biases, tied heads, head counts that fit each other. Keys that are absent have the defaults of the
// published configurations.
#pragma once
#include <initializer_list>
#include <string>
#include <vector>
#include "chips/rope.h"
#include "models/config_file.h"
#include "weights/weights.h"

namespace autark {

// From rope_theta and rope_scaling, or the newer rope_parameters: none, linear, llama3 or yarn; another kind
// is a fault. `theta` is the base where the config has none.
Rope read_rope(const ConfigFile& f, int64_t head_dim, double theta = 10000);
// The same from the keys under `at` ("rope_scaling.").
Rope read_rope(const ConfigFile& f, int64_t head_dim, const std::string& at, double theta);

// Positions the checkpoint is good for: max_position_embeddings, or what yarn stretches the original to.
int64_t read_context(const ConfigFile& f, int64_t fallback);

// Of each layer, 0 where it sees everything: sliding_window counts only with use_sliding_window, and then for
// the sliding ones of layer_types, or without those from layer max_window_layers on.
std::vector<int> read_windows(const ConfigFile& f, int64_t layers);

enum class LayerKind : uint8_t { full, sliding };
std::vector<LayerKind> read_layer_kinds(const ConfigFile& f, int64_t layers);  // empty without layer_types

// A config says that biases are there, that they are not, or nothing: then they are what the file has.
enum class Bias : uint8_t { as_stored, none, needed };
Bias read_bias(const ConfigFile& f, const std::string& key);
Vector load_bias(Weights& w, Bias bias, const std::string& name, Shape shape, Cut cut);

// lm_head.weight, or the embedding where they are tied; a file that stores both is taken at its word: its
// lm_head wins. Cut by vocabulary over ranks, so its product goes through Chip::all_gather.
Weight load_head(Weights& w, const Weight& embed, bool tied);

// The first name is what is meant where the key is absent.
void check_activation(const ConfigFile& f, const char* key, std::initializer_list<const char*> names);

// GGUF llama files carry the llama3 scaling as a tensor of divisors instead of in the config.
void apply_rope_divisors(Rope& rope, Weights& w);

void check_heads(const ConfigFile& f, int64_t heads, int64_t kv_heads, int64_t head_dim);

}  // namespace autark
