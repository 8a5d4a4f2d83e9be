// One static key in front of /v1/… and /metrics, as `Authorization: Bearer KEY` or `x-api-key: KEY`; either
// will do. /health, /ready and the console's files stay free. The comparison's time does not depend on where
// a wrong key differs.
#pragma once
#include <functional>
#include "http/router.h"

namespace autark::serve {

bool needs_key(std::string_view path);
bool same_secret(std::string_view presented, std::string_view secret);
bool carries_key(const http::Request& request, std::string_view secret);

}  // namespace autark::serve
