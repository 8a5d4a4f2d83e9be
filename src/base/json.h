// JSON as the project reads it: doubles exact, shortest text printed, key order kept, whole numbers of any
// length as written. Reading never throws and never recurses deeper than told; a fault names the byte where
// it lies.
#pragma once
#include <nlohmann/json.hpp>
#include <string_view>
#include "base/result.h"

namespace autark {

using Json = nlohmann::ordered_json;

struct JsonLimits {
  size_t bytes = size_t{256} << 20;
  int depth = 96;
};

// `what` names the text in the error: "config.json", "request body".
Result<Json> parse_json(std::string_view text, std::string_view what, JsonLimits limits = {});

// For a reader that builds no tree. The library takes a NUL for the end of the text and leaves what stands
// behind it; here it is a fault, as it is to parse_json.
bool sax_parse_json(std::string_view text, nlohmann::json_sax<Json>& reader);

// A whole number beyond 64 bits keeps its digits: to the library it is neither a text nor a number.
bool is_long_integer(const Json& j);
std::string long_integer_text(const Json& j);  // REQUIRES: is_long_integer(j)

// One line, UTF-8 kept; invalid UTF-8 inside strings becomes U+FFFD, so that dumping never throws. `roomy`:
// with a space behind colons and commas, as Python and most models write it.
enum class JsonStyle : uint8_t { compact, roomy };
std::string dump_json(const Json& j, JsonStyle style = JsonStyle::compact);

}  // namespace autark
