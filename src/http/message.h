// The text of HTTP/1.1: percent-decoding of targets and the head of a response.
#pragma once
#include <optional>
#include "http/server.h"

namespace autark::http {

// Empty where "%" is not followed by two hex digits or the result would hold a NUL.
std::optional<std::string> percent_decoded(std::string_view text);

struct Target {
  std::string path, query;
};
// "/a%20b?x=1", "http://host/a%20b?x=1" or "*". Empty: not a target that a server answers. Slashes too many
// in the path are taken out here, before anybody looks at it: doubled ones collapse, one at the end goes.
std::optional<Target> parse_target(std::string_view target);

// What of a request decides the form of its answer.
struct Form {
  bool head_only = false;  // HEAD: no body
  bool may_chunk = true;   // HTTP/1.1
  bool keep_alive = true;
};

inline constexpr std::string_view kAnswerBegins = "HTTP/1.1 ";  // every one, whatever its status

// Status line, headers, date, framing and the empty line. `length` absent: chunked where the form allows,
// else until close. Line breaks inside header values become spaces.
std::string response_head(int status, const Headers& headers, Form form, std::optional<size_t> length);

Response error_response(const Options& options, int status, std::string_view reason, std::string_view path);

}  // namespace autark::http
