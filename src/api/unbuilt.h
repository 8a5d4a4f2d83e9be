// Refuses fields of other servers that would change the answer and that this server does not support.
#pragma once
#include "api/fields.h"

namespace autark::api {

// Records a fault that names the field, unless its value asks for what this server does anyway, such as an
// empty list or a penalty of 0.
void refuse_unbuilt(Fields& f);
// The same for `best_of` above `request.n`.
void refuse_best_of(Fields& f, const Request& request);

}  // namespace autark::api
