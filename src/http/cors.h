// Cross-origin requests: decides which web pages may read this server's answers. An origin is allowed if it
// is listed exactly as browsers write it, or if "*" is listed. Credentials such as cookies are never allowed.
#pragma once
#include <span>
#include "base/result.h"
#include "http/stream.h"

namespace autark::http {

class Cors {
 public:
  Cors() = default;  // allows no origin and adds no headers
  // Allows these origins. An origin is SCHEME://HOST or SCHEME://HOST:PORT; it is converted to lower case,
  // and the default port of http and https is removed.
  static Result<Cors> of(std::span<const std::string> origins);

  // Answers to `path` get no headers, and no page may read them. "/a/*" means all paths below /a/.
  void exclude(std::string path) { excluded_.push_back(std::move(path)); }
  // The headers for the answer to a request. `path` is empty if it could not be read.
  Headers headers(std::string_view path, std::string_view origin) const;
  // Whether this is the OPTIONS request that a browser sends before the real one, from an allowed origin.
  bool is_preflight(const Request& request) const;
  // The further headers of the answer to a preflight. `methods`: those of the path, "GET, HEAD".
  Headers preflight(const Request& request, std::string_view methods) const;

 private:
  bool covers(std::string_view path) const;
  bool allows(std::string_view origin) const;

  bool any_ = false;
  std::vector<std::string> origins_, excluded_;
};

}  // namespace autark::http
