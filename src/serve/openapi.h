// The description of the server's routes: GET /openapi.json, an OpenAPI 3.1 document. Bodies are described by
// what their decoders read (api/bodies.h), so a field that is added to a decoder appears here.
#pragma once
#include "base/json.h"

namespace autark::serve {

// `key`: whether the server has an API key; the routes that need it then say so.
Json openapi(bool key);

}  // namespace autark::serve
