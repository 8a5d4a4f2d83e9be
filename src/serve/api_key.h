// Static API keys, and which routes need a key: the APIs and all that tells of the model and its load. /health, /ready,
// /version and the console's files need none.
#pragma once
#include <string>
#include <string_view>
#include "base/result.h"

namespace autark::serve {

// Removes white space around a key, such as a line end. An error if it is empty or no header can carry it.
Result<std::string> key_from(std::string_view given);

// True for /v1 and /beta, the paths below them, /metrics, /user/balance, and the routes of service_facts.cc but
// /version.
bool needs_key(std::string_view path);
// Of these, the routes that show or change what all callers share: /metrics, /load, /server_info, /v1/cache/clear.
bool is_of_the_server(std::string_view path);
// False if either is empty. The time depends on the length of `presented`, not on where the two differ.
bool same_secret(std::string_view presented, std::string_view secret);

}  // namespace autark::serve
