// Where the weight cache of a model lies (engine/weight_cache.h).
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace autark::engine {

struct WeightCachePlace {
  std::filesystem::path folder;  // empty: nothing is written or read
};

// `.autark` in the model's folder where that can be written, else autark/weights in the user's cache folder.
WeightCachePlace default_weight_cache(const std::filesystem::path& model);

// The finished files in `folder` whose names begin with `beginning`, in order.
std::vector<std::filesystem::path> weight_files_in(const std::filesystem::path& folder,
                                                   const std::string& beginning);

// Bytes of the finished files in `folder` of a model of this name; of all models where it is empty.
int64_t weight_cache_bytes(const std::filesystem::path& folder, const std::string& model_name);

inline constexpr const char* kWeightFileEnding = ".weights";

}  // namespace autark::engine
