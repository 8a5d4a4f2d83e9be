// The checkpoint that a config.json describes, without its bytes: which tensors the published files have, and how
// they store them. Draft layers and vision towers are left out, except those of DeepSeek V4.
#pragma once
#include <optional>
#include "models/architecture.h"
#include "weights/bare_config.h"

namespace autark {

// Adds the tensors to a config that open_bare_config has read. `bytes`, `parameters` and `tensors` are those of the
// files, and `weights` has shapes and formats only, which is enough for bind() and the dry chip. With `as`, every
// matrix that is not float32 in the files is in that format, or in the next larger one where its rows have no whole
// number of blocks.
//
// If this program cannot read such files, bind() says so, and where it does not know the bytes of their matrices, there
// are no tensors and no bytes, only parameters.
//
// Errors: an unknown architecture; a config with which no model can be made.
Result<Checkpoint> plan_checkpoint(Checkpoint config, std::optional<Format> as = {});

// Parameters that a token meets: all that one step reads but biases, each once. The embedding counts if it is the head.
Result<int64_t> active_parameters(const Checkpoint& config);

}  // namespace autark
