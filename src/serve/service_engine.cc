// The routes below /v1/engine: what the server does now, and the end of a request.
#include <charconv>
#include "serve/service.h"

namespace autark::serve {
namespace {

constexpr std::string_view kRequests = "/v1/engine/requests/", kCancel = "/cancel";

// "/v1/engine/requests/ID/cancel" as ID; empty: another path.
std::string_view request_of(std::string_view path) {
  if (!path.starts_with(kRequests) || !path.ends_with(kCancel)) return {};
  path.remove_prefix(kRequests.size());
  return path.size() > kCancel.size() ? path.substr(0, path.size() - kCancel.size()) : std::string_view();
}

http::Response not_stored(http::Response r) {
  r.headers.emplace_back("cache-control", "no-store");
  return r;
}

}  // namespace

double patience_of(const http::Request& request) {
  for (const char* name : {"x-stainless-read-timeout", "x-stainless-timeout"}) {
    const std::string_view text = request.header(name);
    double seconds = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), seconds);
    if (read.ec == std::errc() && read.ptr == text.data() + text.size() && seconds > 0 && seconds < 1e9)
      return seconds;
  }
  return 0;
}

void Service::engine_routes(http::Router& router) {
  router.add("GET", "/v1/engine",
             [this](http::Request request, http::StreamPtr stream) { show_engine(request, stream); });
  router.add("POST", "/v1/engine/*",
             [this](http::Request request, http::StreamPtr stream) { end_request(request, stream); });
}

// A caller that may not see the whole server sees its workspace's requests.
void Service::show_engine(const http::Request& request, const http::StreamPtr& stream) {
  std::shared_ptr<api::Backend> backend;
  if (const auto fault = not_loaded(backend)) return fail("/v1/engine", api::openai_chat(), stream, *fault);
  const CallerPtr caller = caller_of(request);
  const bool sees_all = may_run_server(caller, false);
  Json state = sees_all ? backend->state() : Json::object();
  state["requests"] = Json::array();
  for (const auto& e : exchanges())
    if (!e->over() && (sees_all || e->owner() == owner_of(caller))) state["requests"].push_back(e->state());
  reply("/v1/engine", stream, not_stored(json_response(200, state)));
}

void Service::end_request(const http::Request& request, const http::StreamPtr& stream) {
  const std::string id(request_of(request.path));
  const CallerPtr caller = caller_of(request);
  const bool ends_all = may_run_server(caller, true);
  for (const auto& e : exchanges()) {
    if (id.empty() || e->id() != id || e->over()) continue;
    if (!ends_all && e->owner() != owner_of(caller)) continue;
    e->end_by_operator();
    return reply("/v1/engine/*", stream, not_stored(json_response(200, {{"id", id}, {"cancelled", true}})));
  }
  fail("/v1/engine/*", api::openai_chat(), stream,
       {.kind = api::ApiError::Kind::not_found,
        .message = "no request with this id is running",
        .code = "request_not_found"});
}

}  // namespace autark::serve
