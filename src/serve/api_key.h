// One static API key, which the APIs and all that tells of the model and its load require, as `Authorization:
// Bearer KEY` or as `x-api-key: KEY`. /health, /ready, /version and the console's files need no key.
#pragma once
#include "base/result.h"
#include "http/router.h"

namespace autark::serve {

// Removes white space around a key, such as a line end. An error if it is empty or no header can carry it.
Result<std::string> key_from(std::string_view given);

// True for /v1 and /beta, the paths below them, /metrics, and the routes of service_facts.cc but /version.
bool needs_key(std::string_view path);
// False if either is empty. The time depends on the length of `presented`, not on where the two differ.
bool same_secret(std::string_view presented, std::string_view secret);
// True if either header has the key.
bool carries_key(const http::Request& request, std::string_view secret);

}  // namespace autark::serve
