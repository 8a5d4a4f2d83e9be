// A small blocking HTTP/1.1 client: GET over http and https, redirects, ranges, the body streamed to the
// caller. TLS is verified against the system's authorities (SSL_CERT_FILE and SSL_CERT_DIR are honoured).
// Proxies are those of http_proxy, https_proxy, all_proxy and no_proxy, as curl reads them; none for this
// machine itself. One connection a call; no state; any thread.
#pragma once
#include <chrono>
#include <functional>
#include <optional>
#include "base/result.h"
#include "http/stream.h"
#include "http/url.h"

namespace autark::http {

struct Fetched {
  int status = 0;
  Headers headers;                // of the last answer; names in lower case
  std::string url;                // after redirects
  std::optional<int64_t> length;  // of the body, where the server says it
  std::string_view header(std::string_view lower_case_name) const;
};

struct Fetch {
  std::string url;
  Headers headers;         // "authorization" is not sent to another host after a redirect
  int64_t from = 0;        // > 0: Range; the server may still answer 200 with everything
  int redirects_max = 10;  // a redirect from https to http is refused
  std::chrono::milliseconds connect_time{20'000};  // finding the host, connecting, the proxy and TLS
  std::chrono::milliseconds idle_time{60'000};     // without a byte
  // With the head of the last answer, then with its body as it comes. False: stops, which is Code::cancelled.
  std::function<bool(const Fetched&)> on_head;
  std::function<bool(std::string_view)> on_body;
};

// Any status is a value; an Error is a network that failed, a body cut short, or a stop by the caller. A
// certificate that is not trusted is Code::invalid: trying again would not help.
Result<Fetched> fetch(const Fetch& fetch);

// The whole body as text. A status other than 200 is an Error that names it: not_found for 404, else io.
Result<std::string> fetch_text(Fetch fetch, size_t bytes_max = size_t{64} << 20);

}  // namespace autark::http
