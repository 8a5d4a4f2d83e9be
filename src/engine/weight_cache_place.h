// Where the weight cache of a model lies (engine/weight_cache.h).
#pragma once
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace autark::engine {

struct WeightCachePlace {
  std::filesystem::path folder;  // empty: nothing is written or read
  int64_t least_bytes = 0;       // nothing is written for forms that take less in all
};

// `.autark` in the model's folder where that can be written, else autark/weights in the user's cache folder;
// empty where neither is. Forms below kWeightCacheLeast are not written: making them takes a second or two.
WeightCachePlace default_weight_cache(const std::filesystem::path& model);
inline constexpr int64_t kWeightCacheLeast = int64_t{2} << 30;

// What the forms of a checkpoint of so many bytes take, about. (K-quants take 2 % more than in the file.)
inline int64_t weight_cache_bytes_expected(int64_t checkpoint_bytes) {
  return checkpoint_bytes + checkpoint_bytes / 40;
}

// The finished files in `folder` whose names begin with `beginning`, in order.
std::vector<std::filesystem::path> weight_files_in(const std::filesystem::path& folder,
                                                   const std::string& beginning);

// Bytes of the finished files in `folder` of a model of this name; of all models where it is empty.
int64_t weight_cache_bytes(const std::filesystem::path& folder, const std::string& model_name);

inline constexpr const char* kWeightFileEnding = ".weights";

}  // namespace autark::engine
