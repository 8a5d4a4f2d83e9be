// The helper process that tries whether a structure of a client can be compiled (text/structure.h). It is this
// program, with a first argument that --help does not show.
#pragma once
#include <optional>
#include <string>
#include <vector>

namespace autark::apps {

// The command that Structures::make gets.
std::vector<std::string> structure_trial();

// Does the helper's work and returns the exit code of the process, if these are its arguments.
std::optional<int> answer_structure_trial(int argc, const char* const* argv);

}  // namespace autark::apps
