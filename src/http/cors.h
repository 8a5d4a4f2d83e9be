// Cross-origin requests of browsers: which pages may read what a server answers. An origin is allowed when it
// is listed to the letter, as browsers write it, or when "*" is; cookies and the like never are.
#pragma once
#include <span>
#include "base/result.h"
#include "http/stream.h"

namespace autark::http {

class Cors {
 public:
  Cors() = default;  // no origin is allowed, and no answer says anything
  // An origin is SCHEME://HOST or SCHEME://HOST:PORT. Letters of either case are taken, a scheme's own port
  // is dropped.
  static Result<Cors> of(std::span<const std::string> origins);

  void exclude(std::string path) { excluded_.push_back(std::move(path)); }  // its answers carry nothing
  // For every answer to a request for `path`; empty where that is not known.
  Headers headers(std::string_view path, std::string_view origin) const;
  // A question that a browser asks before the request itself, and that nobody else needs to see.
  bool is_preflight(const Request& request) const;
  Headers preflight(const Request& request, std::string_view methods) const;

 private:
  bool covers(std::string_view path) const;
  bool allows(std::string_view origin) const;

  bool any_ = false;
  std::vector<std::string> origins_, excluded_;
};

}  // namespace autark::http
