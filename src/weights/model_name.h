// What a person would call a model that lies at a path.
#pragma once
#include <filesystem>
#include <string>

namespace autark {

// A folder's own name, however the path is spelled; a GGUF file's without its ending, its URL's query and its
// shard's number. In a hub's cache (models--org--name/snapshots/HASH) the repository's name without its
// owner. A file that is called by a hash has the name that is written in it. Links are called what they are
// called. Never empty.
std::string model_name(const std::filesystem::path& path);

}  // namespace autark
