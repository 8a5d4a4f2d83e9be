// http and https URLs: just what a client needs to connect, ask and follow.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include "base/result.h"

namespace autark::http {

struct Url {
  bool secure = false;  // https
  std::string host;     // without the brackets of an IPv6 address
  uint16_t port = 80;
  std::string target;             // path and query, at least "/"
  std::string user_info;          // "name:password", percent-decoded; empty when not given
  std::string authority() const;  // "host" or "host:port", as in the Host header
  std::string text() const;       // without user_info and fragment
};

Result<Url> parse_url(std::string_view text);
// What a Location header means on a page at `base`.
Result<Url> resolve(const Url& base, std::string_view location);
// Everything but letters, digits and "-._~" becomes %XX; with `keep_slashes` "/" stays.
std::string percent_encoded(std::string_view text, bool keep_slashes = true);

}  // namespace autark::http
