// With whom a request may share computed state: requests of one domain, and no others.
#pragma once
#include <string>
#include <string_view>
#include "api/item.h"

namespace autark::serve {

// What separates domains: nothing, the caller's key, or the key and the user that the client names.
enum class CacheIsolation { none, key, user };

// The domain of a request, as a digest that shows neither key nor user. `key`: the id of the caller's key, empty on a
// server without accounts; `label`: api::Request::user. Empty: the common domain, of all requests without either.
std::string cache_domain(CacheIsolation isolation, std::string_view key, std::string_view label);

// Whose turns a request may be answered with: the caller's key and the client's label, as one text.
std::string user_of(const api::Request& request);

// The part of a client's label that names its user. Where the label is a JSON object with account_uuid or
// device_id (Claude Code), these two, without its session_id.
std::string user_of_label(std::string_view label);

}  // namespace autark::serve
