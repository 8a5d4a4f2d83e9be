// JSON Schemas of what the admin API answers.
#pragma once
#include <string_view>
#include "base/json.h"

namespace autark::platform::admin {

// The schema of a type in a short notation: text, count (a whole number, not below 0), number (any whole number), flag,
// time, sum, role, level, kind, texts (a list), or the name of a schema. With "?" at the end it may be null.
Json schema_of_type(std::string_view type);
// All named schemas.
Json answer_schemas();

}  // namespace autark::platform::admin
