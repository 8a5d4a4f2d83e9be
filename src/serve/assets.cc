#include "serve/assets.h"
#include <fmt/format.h>
#include "base/fnv.h"

namespace autark::serve {
namespace {

// The page may load files and call the API of its own origin only; images may also be data: URLs.
constexpr const char* kPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

std::string etag_of(std::string_view bytes) {
  return fmt::format("\"{:016x}\"", fnv1a(bytes));
}

// Files under /assets/ never change, so browsers may keep them for a year. Others are revalidated by ETag.
http::Handler handler_of(const Asset& asset) {
  http::Headers headers{
      {"content-type", std::string(asset.content_type)},
      {"etag", etag_of(asset.bytes)},
      {"cache-control",
       asset.path.starts_with("/assets/") ? "public, max-age=31536000, immutable" : "no-cache"},
      {"content-security-policy", kPolicy},
      {"x-content-type-options", "nosniff"},
      {"referrer-policy", "no-referrer"},
      {"cross-origin-opener-policy", "same-origin"}};
  return [headers = std::move(headers), bytes = asset.bytes](http::Request request, http::StreamPtr stream) {
    const bool known = request.header("if-none-match").find(headers[1].second) != std::string_view::npos;
    stream->respond({known ? 304 : 200, headers, known ? "" : std::string(bytes)});
  };
}

}  // namespace

void add_assets(http::Router& router, std::span<const Asset> assets) {
  for (const Asset& a : assets) {
    router.add("GET", std::string(a.path), handler_of(a));
    if (a.path == "/index.html") router.add("GET", "/", handler_of(a));
  }
}

}  // namespace autark::serve
