// A config.json without the weights that it describes.
#pragma once
#include <filesystem>
#include <optional>
#include "weights/checkpoint.h"

namespace autark {

// The folder of the config.json that `path` means, a file or a folder, if there are no weights beside it or the
// path names the file itself; else nullopt.
std::optional<std::filesystem::path> folder_of_bare_config(const std::filesystem::path& path);

// Its architecture, config and end tokens; `kind` is "config", and there are neither tensors nor weights. Errors:
// a config.json that is missing or unreadable, or that lacks model_type.
Result<Checkpoint> open_bare_config(const std::filesystem::path& folder);

}  // namespace autark
