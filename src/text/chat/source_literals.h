// The texts that a program's source spells out, found without running it: string literals of Python and Jinja
// with their escapes, joined where they stand side by side or are joined by + or ~, with names whose value
// the source has given before. Private to text/.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace autark::text {

// A text with {name} in it comes twice: as written, and with the names that are known filled in.
std::vector<std::string> source_literals(std::string_view source);

}  // namespace autark::text
