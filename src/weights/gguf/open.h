// Opens a GGUF file or split set as a checkpoint with Hugging Face names.
#pragma once
#include "weights/checkpoint.h"

namespace autark {

// As open_checkpoint(), for the path of a GGUF file or of any file of a split set.
Result<Checkpoint> open_gguf(const std::filesystem::path& path, int rank, int ranks);

}  // namespace autark
