// Text forms of HTTP/1.1: decodes request targets and writes the heads of responses.
#pragma once
#include <optional>
#include "http/server.h"

namespace autark::http {

// ASCII letters in lower case; all other bytes as they are.
std::string lower_case(std::string_view text);

// Decodes %XX. Empty if "%" is not followed by two hex digits or if the result would contain a NUL.
std::optional<std::string> percent_decoded(std::string_view text);

// The target of a request: its path, decoded, and its query, as it was sent.
struct Target {
  std::string path, query;
};
// Parses "/a%20b?x=1", "http://host/a%20b?x=1" or "*"; empty for anything else. Repeated slashes in the path
// become one and a slash at its end is removed, so that routes and filters see one form only.
std::optional<Target> parse_target(std::string_view target);

// The properties of a request that decide the form of its answer.
struct Form {
  bool head_only = false;  // HEAD: no body
  bool may_chunk = true;   // HTTP/1.1
  bool keep_alive = true;  // the connection takes another request afterwards
};

inline constexpr std::string_view kAnswerBegins = "HTTP/1.1 ";  // the first bytes of every response

// Status line, headers, date, framing and the empty line. Without a `length` the body is chunked if the form
// allows it, otherwise it ends with the connection. Line breaks in header values become spaces.
std::string response_head(int status, const Headers& headers, Form form, std::optional<size_t> length);

// An error whose body comes from Options::error_body; plain text if that is not set.
Response error_response(const Options& options, int status, std::string_view reason, std::string_view path);

}  // namespace autark::http
