// JSON as the project reads it: doubles exact, shortest text printed, key order kept. Reading never throws
// and never recurses deeper than told; a fault names the byte where it lies.
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

// One line, UTF-8 kept; invalid UTF-8 inside strings becomes U+FFFD, so that dumping never throws.
std::string dump_json(const Json& j);

}  // namespace autark
