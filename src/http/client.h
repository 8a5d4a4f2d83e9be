// A small blocking HTTP/1.1 client: GET over http and https, with redirects and ranges; the body is streamed
// to the caller. TLS certificates are checked against the system's authorities, or those of SSL_CERT_FILE and
// SSL_CERT_DIR. Proxies are taken from http_proxy, https_proxy, all_proxy and no_proxy as curl reads them;
// localhost is always reached directly. Each call opens its own connection. Thread-safe, without state.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include "base/result.h"
#include "http/stream.h"
#include "http/url.h"

namespace autark::http {

// The head of an answer.
struct Fetched {
  int status = 0;
  Headers headers;                // of the last answer, after redirects; names in lower case
  std::string url;                // the last one, after redirects
  std::optional<int64_t> length;  // bytes of the body, if the server tells
  // The value of a header; empty if absent.
  std::string_view header(std::string_view lower_case_name) const;
};

// What to fetch, and how.
struct Fetch {
  std::string url;
  Headers headers;         // "authorization" is not sent to another host after a redirect
  int64_t from = 0;        // > 0: ask for the bytes from here on; the server may still send all with 200
  int redirects_max = 10;  // a redirect from https to http is refused
  std::chrono::milliseconds connect_time{20'000};  // limit for name lookup, connection, proxy and TLS
  std::chrono::milliseconds idle_time{60'000};     // limit between two bytes
  // Called on the caller's thread: on_head with the head of the last answer, on_body with each piece of its
  // body. Returning false stops the transfer, which is an Error with Code::cancelled.
  std::function<bool(const Fetched&)> on_head;
  std::function<bool(std::string_view)> on_body;
};

// Fetches and returns the head of the last answer, whatever its status. It is an Error if the network fails,
// the body is cut short or the caller stops. A certificate that is not trusted is Code::invalid, because a
// retry would not help.
Result<Fetched> fetch(const Fetch& fetch);

// Fetches the body as text, at most `bytes_max` bytes. A status other than 200 is an Error that names it:
// not_found for 404, io for all others.
Result<std::string> fetch_text(Fetch fetch, size_t bytes_max = size_t{64} << 20);

}  // namespace autark::http
