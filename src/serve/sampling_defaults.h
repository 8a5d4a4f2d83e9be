// What a request that says nothing is sampled with: temperature 1 and nothing else, unless the checkpoint's
// generation_config.json says otherwise.
#pragma once
#include <filesystem>
#include "api/item.h"
#include "engine/engine.h"

namespace autark::serve {

// `model` is a checkpoint's directory or file. No file: plain defaults; so with one that cannot be
// read, and standard error names it.
engine::Sampling sampling_defaults(const std::filesystem::path& model);

// `wanted` over `defaults`. `seed` serves a request that has none.
engine::Sampling merged(const api::Sampling& wanted, const engine::Sampling& defaults, uint64_t seed);

}  // namespace autark::serve
