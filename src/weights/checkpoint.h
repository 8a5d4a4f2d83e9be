// A checkpoint on disk: a directory with config.json and safetensors (one file, or shards with an index), or
// a GGUF file (or any file of a split set). The files are mapped and not read ahead; opening costs the
// directory of the file, not its weights.
//
// The keys and tensors of GGUF files get the Hugging Face names of their architecture, so a model has one
// loader. Properties in which a GGUF file differs from the checkpoint it was made from are in the config
// under an object of this program, "autark":
//   rope_pairing  "neighbours"  rows of q and k are permuted (llama)
//   norm_offset   1             1 is already added to norm gains (gemma3, qwen3_next, qwen3_5)
//   decay         1             A_log is stored as −exp(A_log) (qwen3_next, qwen3_5)
//   tiled_value_heads  1        value heads are stored tiled over the key heads (qwen3_5)
//   split_kv_b    1             kv_b is a stack of keys, transposed, and one of values (deepseek_v3)
// The tensor rope_freqs.weight (llama3 scaling as divisors of the frequencies) keeps its name.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include "base/json.h"
#include "weights/weights.h"

namespace autark {

struct Checkpoint {
  std::string kind;          // "safetensors" or "gguf"
  std::string architecture;  // model_type: "llama", "qwen2", "qwen3", "qwen3_moe", "gemma3" …
  Json config;               // config.json, or the GGUF keys in its form
  // All that are named in generation_config.json, config.json or tokenizer.ggml.*.
  std::vector<int32_t> end_tokens;
  int64_t bytes = 0;  // of all tensors
  int64_t parameters = 0;
  struct Entry {
    std::string name;    // the Hugging Face name
    std::string stored;  // "Q4_K", "BF16" …
    std::vector<int64_t> shape;
    int64_t bytes = 0;
  };
  std::vector<Entry> tensors;
  std::unique_ptr<Weights> weights;  // owns the mapping of the files
};

// Opens a checkpoint; `weights` gives rank `rank` of `ranks` its share of each tensor.
Result<Checkpoint> open_checkpoint(const std::filesystem::path& path, int rank = 0, int ranks = 1);

}  // namespace autark
