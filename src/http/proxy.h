// Which proxy the environment asks for: http_proxy, https_proxy, all_proxy and no_proxy, as curl reads them.
#pragma once
#include <optional>
#include "http/url.h"

namespace autark::http {

// "localhost,.example.org,10.0.0.1" or "*": names, and every name below them.
bool excepted(std::string_view host, std::string_view no_proxy);
std::optional<Url> proxy_for(const Url& url);  // none when unset, excepted, this machine or not http://

}  // namespace autark::http
