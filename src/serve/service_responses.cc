// The routes below /v1/responses: answers, also in the background, and what is kept of them.
#include <charconv>
#include <ctime>
#include "api/openai_responses_answer.h"
#include "api/openai_responses_stream.h"
#include "http/query.h"
#include "serve/service.h"

namespace autark::serve {
namespace {

constexpr int64_t kEventsMost = int64_t{1} << 40;  // more than any answer has

using Kind = api::ApiError::Kind;

constexpr std::string_view kPath = "/v1/responses/";

api::ApiError not_supported(const char* what) {
  return {.kind = Kind::not_found,
          .message = std::string(what) + " is not supported by this server",
          .code = "not_supported"};
}

// "/v1/responses/ID" and "/v1/responses/ID/cancel" as ID and what follows it.
std::pair<std::string, std::string> id_and_rest(const std::string& path) {
  const std::string tail = path.substr(std::min(path.size(), kPath.size()));
  const size_t slash = std::min(tail.find('/'), tail.size());
  return {tail.substr(0, slash), tail.substr(std::min(tail.size(), slash + 1))};
}

void answer_with(Exchange& exchange, api::ApiResult<Json> result) {
  if (auto* fault = std::get_if<api::ApiError>(&result)) return exchange.refuse(std::move(*fault));
  exchange.answer(std::get<Json>(result));
}

// The client's stream, which has begun; null if the client has left.
http::StreamPtr begun_events(Exchange& exchange) {
  http::Headers headers = exchange.headers("text/event-stream; charset=utf-8");
  headers.emplace_back("cache-control", "no-cache");
  headers.emplace_back("x-accel-buffering", "no");
  http::StreamPtr stream = exchange.hand_over();
  if (stream) stream->start(200, std::move(headers));
  return stream;
}

void follow(Exchange& exchange, Recording& recording, int64_t after) {
  if (http::StreamPtr stream = begun_events(exchange)) recording.follow(std::move(stream), after);
}

// The number of the last event that the client has; −1: none. Empty if the text is no such number.
std::optional<int64_t> number_of(const std::string& text) {
  int64_t after = -1;
  const auto read = std::from_chars(text.data(), text.data() + text.size(), after);
  if (read.ec != std::errc() || read.ptr != text.data() + text.size() || after < -1 || after > kEventsMost)
    return {};
  return after;
}

}  // namespace

void Service::response_routes(http::Router& router) {
  router.add("POST", "/v1/responses", [this](http::Request request, http::StreamPtr stream) {
    take_response(api::openai_responses(), std::move(request), std::move(stream), &Exchange::run);
  });
  router.add("POST", "/v1/responses/input_tokens", [this](http::Request request, http::StreamPtr stream) {
    take_response(api::openai_responses(), std::move(request), std::move(stream), &Exchange::count_input);
  });
  router.add("POST", "/v1/responses/compact", [this](http::Request request, http::StreamPtr stream) {
    take_response(api::openai_compaction(), std::move(request), std::move(stream), &Exchange::run);
  });
  kept_response_routes(router);
  const auto refuse = [&](const char* method, const char* path, const char* what) {
    router.add(method, path, [this, path, what](http::Request, http::StreamPtr stream) {
      fail(path, api::openai_responses(), stream, not_supported(what));
    });
  };
  refuse("GET", "/v1/responses", "a WebSocket, or a list of responses,");
  for (const char* method : {"GET", "POST", "DELETE"})
    for (const char* path : {"/v1/conversations", "/v1/conversations/*"})
      refuse(method, path, "the Conversations API");
}

void Service::kept_response_routes(http::Router& router) {
  const auto add = [&](const char* method, auto work) {
    router.add(method, "/v1/responses/*", [this, work](http::Request request, http::StreamPtr stream) {
      auto place = id_and_rest(request.path);
      if (!place.first.starts_with("resp_")) place.second = place.first + "/" + place.second;
      const std::string query = request.query;
      take(api::openai_responses(), "/v1/responses/*", std::move(request), std::move(stream),
           [work, place, query](Exchange& e, std::string_view, api::Backend&) {
             work(e, place.first, place.second, query);
           });
    });
  };
  using Text = const std::string&;
  const auto nothing = [](Exchange& e, Text rest) {
    e.refuse({.kind = Kind::not_found,
              .message = "there is nothing at '" + rest.substr(0, 80) + "'",
              .code = "not_found"});
  };
  add("GET", [this, nothing](Exchange& e, Text id, Text rest, Text query) {
    if (rest.empty()) return get_response(e, id, query);
    if (rest != "input_items") return nothing(e, rest);
    answer_with(e, responses_->input_items(e.owner(), id, query));
  });
  add("DELETE", [this, nothing](Exchange& e, Text id, Text rest, Text) {
    rest.empty() ? delete_response(e, id) : nothing(e, rest);
  });
  add("POST", [this, nothing](Exchange& e, Text id, Text rest, Text) {
    rest == "cancel" ? cancel_response(e, id) : nothing(e, rest.empty() ? id : rest);
  });
}

void Service::take_response(const api::Dialect& dialect, http::Request request, http::StreamPtr stream,
                            Work work) {
  take_kept(dialect, "/v1/responses", std::move(request), std::move(stream), std::move(work),
            [this](const std::string& owner, const std::string& id) { return response_hooks(owner, id); });
}

void Service::take_kept(
    const api::Dialect& dialect, const char* route, http::Request request, http::StreamPtr stream, Work work,
    const std::function<Exchange::Hooks(const std::string& owner, const std::string& id)>& hooks) {
  if (is_answered(dialect, route, request, stream)) return;
  std::shared_ptr<api::Backend> backend;
  const auto fault = not_now(backend);
  const CallerPtr caller = caller_of(request);
  const std::string id = ids_.next();
  auto exchange =
      std::make_shared<Exchange>(terms_, dialect, route, id, std::move(stream), hooks(owner_of(caller), id));
  exchange->set_caller(caller);
  exchange->set_patience(patience_of(request));
  if (fault) return exchange->refuse(*fault);
  hand_to_worker(exchange, std::move(request.body), std::move(work), std::move(backend));
}

// The hooks of one exchange share the draft of what is kept. They do not own the backend: its engine's sinks own
// the exchange, so the engine would end on its own thread.
Exchange::Hooks Service::response_hooks(const std::string& owner, const std::string& id) {
  const auto draft = std::make_shared<StoredResponses::Draft>();
  Exchange::Hooks hooks;
  hooks.expand = [this, owner, id, draft](Json& body) { return responses_->expand(owner, body, id, *draft); };
  hooks.seal = [seal = seal_](const std::string& text) { return seal->seal(text); };
  hooks.keep = [this, draft, owner, response = api::response_id({.id = id})](size_t bytes, auto body) {
    responses_->keep(owner, response, bytes, std::move(body), draft);
  };
  const Exchange::Hooks rest = hooks;
  hooks.detach = [this, rest](Exchange& self, api::Request request, api::Backend& backend) {
    start_in_background(self, std::move(request), backend, rest);
  };
  return hooks;
}

// The answer has an exchange of its own with the same id, whose client is a recording. A request that is refused
// while it is submitted is answered as without `background`.
void Service::start_in_background(Exchange& self, api::Request request, api::Backend& backend,
                                  Exchange::Hooks hooks) {
  const bool streams = std::exchange(request.stream, true);
  if (request.model.empty()) request.model = backend.models().front().id;
  const auto recording = std::make_shared<Recording>();
  const auto exchange = std::make_shared<Exchange>(
      terms_, api::openai_responses(), "/v1/responses background", self.id(), recording, std::move(hooks));
  exchange->set_caller(self.caller());
  const api::Envelope queued_as{
      .id = self.id(), .created = std::time(nullptr), .model = request.model, .repeated = request.repeated};
  const std::string id = api::response_id(queued_as);
  const Json queued = api::response_json(queued_as, {.status = "queued"}, nullptr, nullptr);
  if (!background_.add({id, self.owner(), exchange, recording, queued})) return self.refuse(kTooMany);
  std::optional<api::ApiError> refused;
  if (enlist(exchange)) {
    exchange->submit(std::move(request), backend);
    refused = exchange->begin();
  } else {
    refused = api::ApiError{.kind = Kind::unavailable, .message = "the server is stopping"};
  }
  if (refused) return background_.forget(id), self.refuse(std::move(*refused));
  streams ? follow(self, *recording, -1) : self.answer(queued);
}

// A running answer is found among the background ones, any other in the store.
void Service::get_response(Exchange& exchange, const std::string& id, const std::string& query) {
  if (http::query_value(query, "stream") == "true") return stream_response(exchange, id, query);
  const auto running = background_.find(id, exchange.owner());
  if (!running || running->exchange->over())
    return answer_with(exchange, responses_->find(exchange.owner(), id));
  Json now = running->queued;
  if (running->recording->begun()) now["status"] = "in_progress";
  exchange.answer(now);
}

// Events that are no longer recorded come from the kept response, in short.
void Service::stream_response(Exchange& exchange, const std::string& id, const std::string& query) {
  const auto after = number_of(http::query_value(query, "starting_after").value_or("-1"));
  if (!after)
    return exchange.refuse({.message = "starting_after must be a whole number", .param = "starting_after"});
  const auto running = background_.find(id, exchange.owner());
  const int64_t first = running ? running->recording->first() : 0;
  if (running && *after + 1 >= first) return follow(exchange, *running->recording, *after);
  if (running && !running->exchange->over())
    return exchange.refuse({.message = "the events before number " + std::to_string(first) +
                                       " are no longer kept; wait for the end of the response",
                            .param = "starting_after"});
  auto kept = responses_->find(exchange.owner(), id);
  if (auto* fault = std::get_if<api::ApiError>(&kept)) return exchange.refuse(std::move(*fault));
  const Json& response = std::get<Json>(kept);
  if (response.value("background", Json()) != true)
    return exchange.refuse({.message = "only a background response can be streamed", .param = "stream"});
  const http::StreamPtr stream = begun_events(exchange);
  if (!stream) return;
  const auto replay = std::make_shared<Recording>();
  for (const api::Frame& f : api::stream_of_kept(response, *after)) replay->write(http::sse(f.data, f.event));
  replay->finish();
  replay->follow(stream, -1);
}

void Service::cancel_response(Exchange& exchange, const std::string& id) {
  if (const auto running = background_.find(id, exchange.owner())) running->exchange->cancel();
  auto kept = responses_->find(exchange.owner(), id);
  if (const auto* response = std::get_if<Json>(&kept);
      response && response->value("background", Json()) != true)
    return exchange.refuse({.message = "Cannot cancel a synchronous response.", .code = "invalid_request"});
  answer_with(exchange, std::move(kept));
}

void Service::delete_response(Exchange& exchange, const std::string& id) {
  if (const auto running = background_.find(id, exchange.owner())) {
    running->exchange->cancel();
    background_.forget(id);
  }
  if (auto fault = responses_->erase(exchange.owner(), id)) return exchange.refuse(std::move(*fault));
  exchange.answer({{"id", id}, {"object", "response"}, {"deleted", true}});
}

}  // namespace autark::serve
