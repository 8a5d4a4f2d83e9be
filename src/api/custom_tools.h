// Custom tools: the model writes their input, a text, as the call {"input": "…"}.
#pragma once
#include "api/fields.h"

namespace autark::api {

// Reads the `format` of a custom tool and sets the tool's parameters: any text, or the texts of a grammar with the
// `syntax` lark or regex, which is the keyword "lark" or "pattern" of the input's schema. `nested`: the fields of the grammar are in a member "grammar" (Chat).
void read_custom_format(Fields& tool, bool nested, Tool& to);

}  // namespace autark::api
