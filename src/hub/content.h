// Whether a file can be what its name says, by its first bytes. Servers answer 200 with a page about a file,
// with a message that something went wrong, or with a pointer to the file, too.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include "base/result.h"

namespace autark::hub {

// "an HTML page", "a Git LFS pointer…": what bytes that are no model begin like; empty: nothing known here.
std::string known_content(std::string_view beginning);

enum class Length { told, unknown };  // by a hub or the server: whether the end can have been lost

// The same of a file that is not whole yet: an Error where its beginning already shows that it is another
// thing.
Result<bool> check_beginning(const std::filesystem::path& path, const std::string& name);

// An Error that says what came instead of a GGUF, a safetensors or a text file of the model. Where nobody
// told the length, the tensors that a GGUF lists must lie in it.
Result<bool> check_content(const std::filesystem::path& path, const std::string& name, Length length);

}  // namespace autark::hub
