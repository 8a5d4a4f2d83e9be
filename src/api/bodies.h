// The kinds of request bodies, described by what their decoders read. GET /openapi.json is made of them.
#pragma once
#include <functional>
#include <span>
#include <vector>
#include "api/item.h"

namespace autark::api {

struct Body {
  const char* name;  // "ChatRequest"
  std::function<ApiResult<Request>(const Json&)> decode;
  // Valid bodies, small ones first. Together they have every object and list whose members a decoder reads.
  std::vector<Json> examples;
};

// All of them; immutable.
std::span<const Body> bodies();
// The JSON Schema of the bodies that `read` takes: every field that it looks up with Fields, with types and bounds.
// `required` has the fields without which the first example is refused.
Json schema_of(std::span<const Json> examples,
               const std::function<std::optional<ApiError>(const Json&)>& read);
// The same of a body that a dialect decodes.
Json schema_of(const Body& body);

}  // namespace autark::api
