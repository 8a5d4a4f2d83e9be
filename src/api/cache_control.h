// `cache_control` of a request: of a tool, of a part of a text, or of the whole request. Messages has it, and some
// clients send it to Chat, too.
#pragma once
#include "api/item.h"

namespace autark::api {

// Sets Request::keep_seconds and cache_marks. What is not as expected is left out: it is a hint.
void read_cache_control(const Json& body, Request& r);

}  // namespace autark::api
