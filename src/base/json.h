// JSON for the whole project. Doubles are read exactly and printed as the shortest text that reads back
// equal, objects keep the order of their keys, and whole numbers of any length are kept. Reading never throws
// and is limited in size and depth; an error names the byte at which the text is wrong.
#pragma once
#include <string_view>
#include "base/json_library.h"
#include "base/result.h"

namespace autark {

using Json = nlohmann::ordered_json;

// {} and []. Default values in headers use these: every file that includes Json::object() in a header instantiates
// the library's containers, for a third of a second.
Json empty_object();
Json empty_array();

struct JsonLimits {
  size_t bytes = size_t{256} << 20;
  int depth = 96;
};

// Parses one JSON text; of keys that occur twice the last value counts. `what` names the text in an error:
// "config.json", "request body".
Result<Json> parse_json(std::string_view text, std::string_view what, JsonLimits limits = {});

// Parses without building a tree: calls `reader`. The library treats a NUL as the end of the text and ignores
// the rest; here a NUL is a parse error, as it is for parse_json.
bool sax_parse_json(std::string_view text, nlohmann::json_sax<Json>& reader);

// True for a whole number beyond 64 bits. Such a value keeps its digits; to the library it is neither a
// number nor a string, but binary.
bool is_long_integer(const Json& j);
// REQUIRES: is_long_integer(j)
std::string long_integer_text(const Json& j);

// One line of UTF-8. Invalid UTF-8 inside strings becomes U+FFFD, so printing never throws. `roomy` puts a
// space after colons and commas, as Python and most models write JSON.
enum class JsonStyle : uint8_t { compact, roomy };
std::string dump_json(const Json& j, JsonStyle style = JsonStyle::compact);

}  // namespace autark
