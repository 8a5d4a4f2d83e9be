// With whom a request may share computed state: requests of one domain, and no others.
#pragma once
#include <string>
#include <string_view>

namespace autark::serve {

// What separates domains. A server has one key, so `none` and `key` both mean one domain for all.
enum class CacheIsolation { none, key, user };

// The domain of a request, as a digest that does not show the user. `label`: api::Request::user. Empty: the
// common domain, in which all requests without a user are.
std::string cache_domain(CacheIsolation isolation, std::string_view label);

// The part of a client's label that names its user. Where the label is a JSON object with account_uuid or
// device_id (Claude Code), these two, without its session_id.
std::string user_of_label(std::string_view label);

}  // namespace autark::serve
