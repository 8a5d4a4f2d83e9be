// Parses http and https URLs into the parts that a client needs.
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
  std::string user_info;          // "name:password", percent-decoded; empty if absent
  std::string authority() const;  // "host" or "host:port", as in the Host header
  std::string text() const;       // without user_info and fragment
};

// Parses an absolute URL with the scheme http or https.
Result<Url> parse_url(std::string_view text);
// The URL that a Location header means in an answer from `base`.
Result<Url> resolve(const Url& base, std::string_view location);
// Encodes every byte except letters, digits and "-._~" as %XX; with `keep_slashes` "/" is kept, too.
std::string percent_encoded(std::string_view text, bool keep_slashes = true);

}  // namespace autark::http
