// A checkpoint as it lies on disk: a directory with config.json and safetensors (one file, or shards with
// an index), or a GGUF file (or any file of a split set). Mapped, never read ahead; opening costs the
// directory of the file, not its weights.
//
// GGUF is given the Hugging Face names of its architecture, keys and tensors alike, so a model has one
// loader. What a GGUF file has otherwise than the checkpoint it was made from stands in the config under
// an object of ours, "autark":
//   rope_pairing  "neighbours"  rows of q and k are permuted (llama)
//   norm_offset   1             1 is already added to norm gains (gemma3)
// and the tensor rope_freqs.weight (llama3 scaling as divisors of the frequencies) keeps its name.
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
  Json config;               // config.json, or what GGUF keys say in its words
  std::vector<int32_t>
      end_tokens;     // generation_config.json, config.json or tokenizer.ggml.*: all that are named
  int64_t bytes = 0;  // of all tensors
  int64_t parameters = 0;
  struct Entry {
    std::string name;    // the Hugging Face name
    std::string stored;  // "Q4_K", "BF16" …
    std::vector<int64_t> shape;
    int64_t bytes = 0;
  };
  std::vector<Entry> tensors;
  std::unique_ptr<Weights> weights;  // owns the mapping
};

Result<Checkpoint> open_checkpoint(const std::filesystem::path& path, int rank = 0, int ranks = 1);

}  // namespace autark
