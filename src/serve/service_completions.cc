// The routes below /v1/chat/completions: completions, and what is kept of those with `store: true`.
#include "serve/service.h"

namespace autark::serve {
namespace {

constexpr std::string_view kPath = "/v1/chat/completions/";

}  // namespace

void Service::completion_routes(http::Router& router) {
  for (const char* path : {"/v1/chat/completions", "/beta/chat/completions"})
    router.add("POST", path, [this, path](http::Request request, http::StreamPtr stream) {
      take_completion(path, std::move(request), std::move(stream));
    });
  using Kept = std::function<api::ApiResult<Json>(const std::string& owner, const std::string& id,
                                                  const std::string& rest, const std::string& query,
                                                  std::string_view body)>;
  const auto add = [&](const char* method, const char* path, Kept kept) {
    router.add(method, path, [this, path, kept](http::Request request, http::StreamPtr stream) {
      const std::string tail = request.path.substr(std::min(request.path.size(), kPath.size()));
      const size_t slash = std::min(tail.find('/'), tail.size());
      std::string query = request.query;  // before the request is moved
      take(api::openai_chat(), path, std::move(request), std::move(stream),
           [kept, id = tail.substr(0, slash), rest = tail.substr(slash), query = std::move(query)](
               Exchange& e, std::string_view body, api::Backend&) {
             auto made = kept(e.owner(), id, rest, query, body);
             if (auto* fault = std::get_if<api::ApiError>(&made)) return e.refuse(std::move(*fault));
             e.answer(std::get<Json>(made));
           });
    });
  };
  const auto nothing = [](const std::string& rest) {
    return api::ApiError{.kind = api::ApiError::Kind::not_found,
                         .message = "there is nothing at '" + rest.substr(0, 80) + "'",
                         .code = "not_found"};
  };
  using Text = const std::string&;
  add("GET", "/v1/chat/completions", [this](Text owner, Text, Text, Text query, std::string_view) {
    return completions_.list(owner, query);
  });
  add("GET", "/v1/chat/completions/*",
      [=, this](Text owner, Text id, Text rest, Text query, std::string_view) {
        if (rest == "/messages") return completions_.messages(owner, id, query);
        return rest.empty() ? completions_.find(owner, id) : nothing(rest);
      });
  add("POST", "/v1/chat/completions/*",
      [=, this](Text owner, Text id, Text rest, Text, std::string_view body) {
        return rest.empty() ? completions_.set_metadata(owner, id, body) : nothing(rest);
      });
  add("DELETE", "/v1/chat/completions/*", [=, this](Text owner, Text id, Text rest, Text, std::string_view) {
    return rest.empty() ? completions_.erase(owner, id) : nothing(rest);
  });
}

void Service::take_completion(const char* route, http::Request request, http::StreamPtr stream) {
  take_kept(
      api::openai_chat(), route, std::move(request), std::move(stream), &Exchange::run,
      [this](const std::string& owner, const std::string& id) { return completions_.hooks(owner, id); });
}

}  // namespace autark::serve
