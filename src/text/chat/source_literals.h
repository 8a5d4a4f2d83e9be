// Finds the string literals of a Python or Jinja source without running it. Escapes are resolved. Literals
// that are adjacent or joined by + or ~ become one text, and so do names whose value is a literal further up.
// Private to text/.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace autark::text {

// A text that contains {name} is returned twice: with known names replaced by their values, and as written.
std::vector<std::string> source_literals(std::string_view source);

}  // namespace autark::text
