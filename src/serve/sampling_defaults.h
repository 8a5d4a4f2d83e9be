// Sampling settings for requests that leave them open: those of the checkpoint's generation_config.json, else
// temperature 1 and no filters or penalties.
#pragma once
#include <filesystem>
#include "api/item.h"
#include "engine/engine.h"

namespace autark::serve {

// `model` is a checkpoint's folder or file. Numbers that are missing or out of range keep their defaults. A
// generation_config.json that cannot be read is ignored, with a line on standard error.
engine::Sampling sampling_defaults(const std::filesystem::path& model);

// `wanted` where it has a value, else `defaults`. `seed` is for a request without one.
engine::Sampling merged(const api::Sampling& wanted, const engine::Sampling& defaults, uint64_t seed);

}  // namespace autark::serve
