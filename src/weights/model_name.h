// The name of a model for people, from its path.
#pragma once
#include <filesystem>
#include <string>

namespace autark {

// The name of a folder, however the path is written; the name of a GGUF file without extension, URL query and
// shard number. In a hub's cache (models--org--name/snapshots/HASH) the repository's name without its owner.
// For a file named by a hash the name stored in it. Links keep their own name. Never empty.
std::string model_name(const std::filesystem::path& path);

}  // namespace autark
