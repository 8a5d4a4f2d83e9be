// Which DeepSeek-V4 release the files of a checkpoint are, and whether they are of one release at all.
#pragma once
#include <optional>
#include "models/release_listing.h"
#include "weights/checkpoint.h"

namespace autark {

// Safetensors files against the list that their config.json promises; the draft head is "none", "mtp" or
// "dspark". None for another architecture, for GGUF files and for a config that is at fault itself.
std::optional<ReleaseListing> list_v4(const Checkpoint& c);

// What must not run though every tensor of the trunk is there: files of two releases, experts in two formats,
// layers of another kind than the config says. None for another architecture.
std::optional<Error> fault_of_v4(const Checkpoint& c);

}  // namespace autark
