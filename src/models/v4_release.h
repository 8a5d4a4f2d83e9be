// Finds the DeepSeek-V4 release to which the files of a checkpoint belong, and refuses files of two releases.
#pragma once
#include <optional>
#include "models/release_listing.h"
#include "weights/checkpoint.h"

namespace autark {

// Compares safetensors files with the list that their config.json implies; the draft head is "none", "mtp" or
// "dspark". Empty for other architectures, for GGUF files and for a faulty config.
std::optional<ReleaseListing> list_v4(const Checkpoint& c);

// Finds files that must not run although every tensor of the trunk is there: files of two releases, experts
// in two formats, layers of another kind than in the config. Empty for other architectures.
std::optional<Error> fault_of_v4(const Checkpoint& c);

}  // namespace autark
