// Passwords for commands: never a word of the command line, which other users of the machine can read.
#pragma once
#include <filesystem>
#include <string>
#include "base/result.h"

namespace autark::apps {

// The first line of a file, or with "-" of standard input. An Error if it is empty or cannot be read.
Result<std::string> password_of_file(const std::filesystem::path& file);
// Whether standard input and the terminal of the process can ask for one.
bool can_ask_for_password();
// Asks twice on the terminal, without echo. An Error if the two differ or the terminal ends.
Result<std::string> ask_for_password(const std::string& prompt);

}  // namespace autark::apps
