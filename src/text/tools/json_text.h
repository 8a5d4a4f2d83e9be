// Parts of JSON: strings, escaped as Python's json.dumps(ensure_ascii=False) escapes them, and numbers.
// Private to text/.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>

namespace autark::text {

// Appends `text` as the inside of a JSON string, without the quotes.
void append_escaped(std::string& out, std::string_view text);

// True for -? (0 | [1-9][0-9]*) (. [0-9]+)? ([eE] [+-]? [0-9]+)?
bool is_json_number(std::string_view text);

// Appends a code point as UTF-8. REQUIRES: code_point ≤ 0x10FFFF
void append_utf8(std::string& out, uint32_t code_point);

// The value of a JSON string, given the bytes between its quotes. REQUIRES: JsonRepair has written them.
std::string unescaped(std::string_view inside);

}  // namespace autark::text
