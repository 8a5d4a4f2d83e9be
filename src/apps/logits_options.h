// The arguments of `autark logits` and of the small program autark_logits.
#pragma once
#include <filesystem>
#include <functional>
#include <string>
#include "apps/command_line.h"
#include "base/result.h"

namespace autark::apps {

// Finds the checkpoint on disk for the model that the user named.
using FindModel = std::function<Result<std::filesystem::path>(const std::string&)>;

// Declares the arguments of `c` and the function that it runs. `what_model` is the help text of MODEL.
void add_logits_options(const Command& c, const char* what_model, FindModel find);

}  // namespace autark::apps
