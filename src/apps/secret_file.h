// A secret in a file instead of on a terminal.
#pragma once
#include <filesystem>
#include <optional>
#include <string>
#include "apps/command_line.h"
#include "base/result.h"

namespace autark::apps {

// Adds --secret-file.
void add_secret_file(const Command& c, std::filesystem::path& file);
// Whether the file can be made: it is not there, and its folder is. Asked before the secret is made.
std::optional<Error> fault_of_secret_file(const std::filesystem::path& file);
// Creates the file, 0600, with the secret as its only line. An Error if there is one.
std::optional<Error> write_secret(const std::filesystem::path& file, const std::string& secret);

}  // namespace autark::apps
