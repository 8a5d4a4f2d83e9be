// What a file is, told by its first bytes: tools keep models under names of their own (a hash, a URL with its
// query, capitals), and servers send pages under the names of models.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace autark {

enum class FileKind : uint8_t { missing, directory, gguf, safetensors, other };

// Links are followed. A file that is named .safetensors is one, whatever is in it.
FileKind kind_of_file(const std::filesystem::path& path);

// What a file that is no model is, for a message: "is an HTML page, not a model".
std::string said_of_file(const std::filesystem::path& path);

// For a safetensors file where a model is wanted: a sentence that names the folder.
std::string folder_wanted(const std::filesystem::path& file);

// The models among the GGUF files of a folder, in order: no projectors, and of a split set the first only.
// Where none is a GGUF file by its first bytes, those that are named so.
std::vector<std::filesystem::path> ggufs_in(const std::filesystem::path& folder);

// "x-00002-of-00003.gguf": where the numbers stand; npos where there are none.
size_t shard_number_at(std::string_view file_name);

}  // namespace autark
