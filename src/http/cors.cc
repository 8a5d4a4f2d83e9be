#include "http/cors.h"
#include <algorithm>

namespace autark::http {
namespace {

constexpr size_t kOriginBytes = 512, kAskedBytes = 4 << 10;
constexpr std::string_view kUsualHeaders =
    "accept, authorization, content-type, x-api-key, anthropic-version, anthropic-beta";
// "*" stands for all headers; the names are for browsers that do not know "*".
constexpr std::string_view kExposed = "x-request-id, request-id, retry-after, openai-processing-ms, *";
constexpr std::string_view kSeconds = "600";  // how long a browser may cache a preflight

char lower(char c) {
  return c >= 'A' && c <= 'Z' ? char(c + ('a' - 'A')) : c;
}

bool is_alphanumeric(char c) {
  return (c >= '0' && c <= '9') || (lower(c) >= 'a' && lower(c) <= 'z');
}

bool all_of(std::string_view text, std::string_view more) {
  return !text.empty() &&
         std::ranges::all_of(text, [&](char c) { return is_alphanumeric(c) || more.find(c) != more.npos; });
}

bool is_host(std::string_view host) {
  if (!host.starts_with('[')) return all_of(host, "-._");
  return host.ends_with(']') && all_of(host.substr(1, host.size() - 2), ":.");
}

bool is_port(std::string_view port) {
  const bool digits = !port.empty() && port.size() <= 5 && port.find_first_not_of("0123456789") == port.npos;
  return digits && port.front() != '0' && std::stoi(std::string(port)) <= 65535;
}

// The origin as browsers write it; empty if `text` is not an origin.
std::string origin_of(std::string_view text) {
  const size_t slashes = text.find("://");
  if (text.size() > kOriginBytes || slashes == text.npos || !is_alphanumeric(text[0])) return {};
  const std::string_view scheme = text.substr(0, slashes), authority = text.substr(slashes + 3);
  const size_t bracket = authority.rfind(']'),
               colon = authority.find(':', bracket == authority.npos ? 0 : bracket);
  const std::string_view host = authority.substr(0, colon);
  if (!all_of(scheme, "+-.") || !is_host(host)) return {};
  std::string origin;
  for (const char c : text.substr(0, slashes + 3 + host.size())) origin += lower(c);
  if (colon == authority.npos) return origin;
  const std::string_view port = authority.substr(colon + 1);
  if (!is_port(port)) return {};
  const bool own =
      (origin.starts_with("http://") && port == "80") || (origin.starts_with("https://") && port == "443");
  return own ? origin : origin + ":" + std::string(port);
}

// Allows the headers that the browser asks for, if `asked` is a short list of names.
std::string_view allowed_headers(std::string_view asked) {
  return asked.size() <= kAskedBytes && all_of(asked, "!#$%&'*+-.^_`|~, ") ? asked : kUsualHeaders;
}

}  // namespace

Result<Cors> Cors::of(std::span<const std::string> origins) {
  Cors cors;
  for (const std::string& text : origins) {
    std::string origin = text == "*" ? text : origin_of(text);
    if (origin.empty())
      return Error{Code::invalid,
                   "'" + text.substr(0, kOriginBytes) +
                       "' is not an origin; it is written SCHEME://HOST or SCHEME://HOST:PORT, without "
                       "a path or a slash at the end, such as https://app.example:8443, or * for any"};
    cors.any_ = cors.any_ || origin == "*";
    cors.origins_.push_back(std::move(origin));
  }
  return cors;
}

bool Cors::covers(std::string_view path) const {
  const auto excludes = [path](std::string_view other) {
    return other.ends_with("/*") ? path.starts_with(other.substr(0, other.size() - 1)) : path == other;
  };
  return !origins_.empty() && std::ranges::none_of(excluded_, excludes);
}

bool Cors::allows(std::string_view origin) const {
  return any_ || std::ranges::find(origins_, origin) != origins_.end();
}

Headers Cors::headers(std::string_view path, std::string_view origin) const {
  if (!covers(path)) return {};
  Headers h{{"vary", "Origin"}};  // always: a cache must not give this answer to a page of another origin
  if (!allows(origin)) return h;
  h.emplace_back("access-control-allow-origin", any_ ? "*" : std::string(origin));
  h.emplace_back("access-control-expose-headers", kExposed);
  return h;
}

bool Cors::is_preflight(const Request& request) const {
  return request.method == "OPTIONS" && !request.header("access-control-request-method").empty() &&
         !request.header("origin").empty() && covers(request.path) && allows(request.header("origin"));
}

Headers Cors::preflight(const Request& request, std::string_view methods) const {
  Headers h{{"access-control-allow-methods", std::string(methods)},
            {"access-control-allow-headers",
             std::string(allowed_headers(request.header("access-control-request-headers")))},
            {"access-control-max-age", std::string(kSeconds)}};
  if (request.header("access-control-request-private-network") == "true")
    h.emplace_back("access-control-allow-private-network", "true");
  return h;
}

}  // namespace autark::http
