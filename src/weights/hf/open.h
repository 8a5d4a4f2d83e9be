// Opens a directory with config.json and safetensors (one file, or shards with an index) as a checkpoint.
#pragma once
#include "weights/checkpoint.h"

namespace autark {

// `path` is the directory, its index file, or one safetensors file in it that is the whole model.
Result<Checkpoint> open_safetensors(const std::filesystem::path& path, int rank, int ranks);

}  // namespace autark
