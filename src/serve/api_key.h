// One static key in front of /v1/… and /metrics, as `Authorization: Bearer KEY` or `x-api-key: KEY`; either
// will do. /health, /ready and the console's files stay free. The comparison's time does not depend on where
// a wrong key differs.
#pragma once
#include "base/result.h"
#include "http/router.h"

namespace autark::serve {

// What a key that was given means: itself without the white space around it, such as the line end of a file.
// An error where no client could send it, or where nothing is left.
Result<std::string> key_from(std::string_view given);

bool needs_key(std::string_view path);
bool same_secret(std::string_view presented, std::string_view secret);
bool carries_key(const http::Request& request, std::string_view secret);

}  // namespace autark::serve
