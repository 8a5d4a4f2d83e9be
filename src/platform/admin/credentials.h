// The HTTP side of sessions: the cookie, and the checks against requests that other pages make a browser send.
#pragma once
#include <optional>
#include <string>
#include "api/item.h"
#include "http/stream.h"
#include "platform/admin/operation.h"

namespace autark::platform::admin {

// The session token in the request's cookies; empty if there is none.
std::string token_of(const http::Request& request);
// The header that sets the cookie for `seconds`, or removes it with an empty token.
std::pair<std::string, std::string> cookie(const std::string& token, int64_t seconds, bool secure);
// Whether a page of this server sent the request, as far as the browser says; true for other programs.
bool is_same_origin(const http::Request& request);
// Finds out who sent the request and whether this may come in, for the operation's access: sets actor and session.
std::optional<api::ApiError> admit(const Operation& operation, Visit& visit);

}  // namespace autark::platform::admin
