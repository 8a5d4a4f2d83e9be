// Fields of other servers that would change an answer and are not built here. They are refused by name,
// unless they say what happens anyway.
#pragma once
#include "api/fields.h"

namespace autark::api {

void refuse_unbuilt(Fields& f, const Request& request);

}  // namespace autark::api
