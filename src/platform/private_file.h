// Files that only their owner may read, and folders of them.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include "base/result.h"

namespace autark::platform {

// Creates a file with mode 0600 that is on the disk when this returns. An Error if there is one of this name.
std::optional<Error> write_private(const std::filesystem::path& file, std::string_view text);
// At most `bytes_max` bytes.
Result<std::string> read_bounded(const std::filesystem::path& file, size_t bytes_max);

enum class Others : uint8_t { none, read, write };  // what other users than the owner may do, at most
Result<Others> open_to_others(const std::filesystem::path& path);

}  // namespace autark::platform
