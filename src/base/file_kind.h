// Recognises a file by its first bytes. File names are not reliable: tools store models under a hash or a URL
// with its query, and servers send web pages under the names of models.
#pragma once
#include <filesystem>
#include <string>
#include <vector>

namespace autark {

enum class FileKind : uint8_t { missing, directory, gguf, safetensors, other };

// Follows links. A file with the extension .safetensors counts as safetensors whatever its bytes are.
FileKind kind_of_file(const std::filesystem::path& path);

// Describes a file that is not a model, for an error message: "is an HTML page, not a model".
std::string said_of_file(const std::filesystem::path& path);

// The error message for a safetensors file that was given where a model is expected: it names the
// folder to use.
std::string folder_wanted(const std::filesystem::path& file);

// The models among the GGUF files of a folder, sorted by name, without projectors (mmproj) and with only the
// first file of a split set. If no file has the GGUF magic, the files with the extension .gguf.
std::vector<std::filesystem::path> ggufs_in(const std::filesystem::path& folder);

// Whether a folder has safetensors weights, or an index of them.
bool has_safetensors(const std::filesystem::path& folder);

// Index of the shard number in a name like "x-00002-of-00003.gguf" (here 2); npos if the name is
// not like that.
size_t shard_number_at(std::string_view file_name);

}  // namespace autark
