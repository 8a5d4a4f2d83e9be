// Pieces of JSON: the inside of strings, escaped as Python's json.dumps(ensure_ascii=False) does and read,
// and numbers. Private to text/.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace autark::text {

// The inside of a JSON string.
void append_escaped(std::string& out, std::string_view text);

// -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
bool is_json_number(std::string_view text);

void append_utf8(std::string& out, uint32_t code_point);

// The text of a JSON string between its quotes; REQUIRES: it went through JsonRepair.
std::string unescaped(std::string_view inside);

}  // namespace autark::text
