// Checks by the first bytes whether a file can be what its name says. Servers may answer 200 with a page
// about the file, with an error message or with a Git LFS pointer instead of the file.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include "base/result.h"

namespace autark::hub {

// Recognises common contents that are not a model: "an HTML page", "a Git LFS pointer…". Empty if the bytes
// are none of these.
std::string known_content(std::string_view beginning);

// Whether a hub or the server told the file's length. If not, the end of the file may be missing.
enum class Length { told, unknown };

// For a file that is not complete: an Error if its beginning already shows that it is something else.
Result<bool> check_beginning(const std::filesystem::path& path, const std::string& name);

// For a complete file: an Error that says what came instead of a GGUF, a safetensors or a text file. If the
// length is unknown, all tensors that a GGUF lists must lie within the file.
Result<bool> check_content(const std::filesystem::path& path, const std::string& name, Length length);

}  // namespace autark::hub
