// The safetensors files of a checkpoint (one, or those named by its index), and the file of each tensor.
#pragma once
#include <map>
#include <string>
#include <vector>
#include "weights/safetensors.h"

namespace autark {

struct Shards {
  std::vector<Safetensors> files;
  std::map<std::string, size_t, std::less<>> file_of;  // tensor → index into files
};

// `path` is a directory, an index file, or one safetensors file.
Result<Shards> open_shards(const std::filesystem::path& path);

}  // namespace autark
