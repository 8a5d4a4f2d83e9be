// The options of commands that load a model: where its reordered weights are kept.
#pragma once
#include <filesystem>
#include <string>
#include "apps/command_line.h"
#include "engine/weight_cache.h"

namespace autark::apps {

struct WeightCacheArguments {
  std::string folder;  // empty: the default
  bool off = false;
};

// --weight-cache and --no-weight-cache. `a` lives until the command has run.
void add_weight_cache_options(const Command& c, WeightCacheArguments& a);

// What they say for a model at this path.
engine::WeightCachePlace weight_cache_for(const WeightCacheArguments& a, const std::filesystem::path& model);

// The cache of a model whose checkpoint has so many bytes, in one line: what is there, or what the first start
// will write.
std::string weight_cache_line(const engine::WeightCachePlace& place, const std::filesystem::path& model,
                              int64_t checkpoint_bytes);

// Sentences about the cache, for standard error.
void say_of_weight_cache(const std::string& sentence);

}  // namespace autark::apps
