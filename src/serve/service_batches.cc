// The routes below /v1/batches, and how a request of a batch runs: as one of its HTTP route, without a client.
#include <ctime>
#include "base/check.h"
#include "serve/service.h"

namespace autark::serve {
namespace {

constexpr std::string_view kPath = "/v1/batches/";

// Hands over the answer of an exchange. A cancelled one ends without an answer.
class BatchStream final : public http::Stream {
 public:
  explicit BatchStream(BatchRunner::Answered answered) : answered_(std::move(answered)) {}

  void respond(http::Response response) override {
    BatchOutcome outcome{.status = response.status, .body = std::move(response.body)};
    for (auto& [name, value] : response.headers)
      if (name == "x-request-id") outcome.request_id = std::move(value);
    answered_(std::move(outcome));
  }
  void start(int, http::Headers) override {}
  bool write(std::string) override { return true; }
  void finish() override { answered_({}); }
  bool closed() const override { return false; }
  void on_close(std::function<void()>) override {}

 private:
  const BatchRunner::Answered answered_;
};

struct Endpoint {
  const api::Dialect& dialect;
  const char* route;  // for metrics and the log
};

Endpoint endpoint_of(const std::string& endpoint) {
  if (endpoint == "/v1/responses") return {api::openai_responses(), "/v1/responses batch"};
  if (endpoint == "/v1/completions") return {api::openai_completions(), "/v1/completions batch"};
  return {api::openai_chat(), "/v1/chat/completions batch"};
}

api::ApiError nothing_at(const std::string& rest) {
  return {.kind = api::ApiError::Kind::not_found,
          .message = "there is nothing at '" + rest.substr(0, 80) + "'",
          .code = "not_found"};
}

}  // namespace

std::unique_ptr<BatchRunner> Service::batch_runner() {
  if (!options_.batches) {
    auto made = storage::memory_batches();
    AUTARK_CHECK(made);
    options_.batches = std::move(*made);
  }
  return std::make_unique<BatchRunner>(BatchRunner::Options{
      .files = files_,
      .batches = options_.batches,
      .send =
          [this](const CallerPtr& caller, const std::string& endpoint, std::string body,
                 BatchRunner::Answered answered) {
            return send_batched(caller, endpoint, std::move(body), answered);
          },
      .find_caller =
          gate_ ? BatchRunner::FindCaller([this](const std::string& key) { return gate_->find(key); })
                : nullptr,
      .now = [] { return int64_t{std::time(nullptr)}; }});
}

// The exchange is not an http request's: nobody leaves it, and the answers of a stopping server do not count.
std::optional<BatchRunner::Cancel> Service::send_batched(const CallerPtr& caller, const std::string& endpoint,
                                                         std::string body, BatchRunner::Answered answered) {
  std::shared_ptr<api::Backend> backend;
  if (not_now(backend)) return {};
  const auto [dialect, route] = endpoint_of(endpoint);
  const std::string id = ids_.next(), owner = owner_of(caller);
  Exchange::Hooks hooks =
      &dialect == &api::openai_responses() ? response_hooks(owner, id) : Exchange::Hooks{};
  if (&dialect == &api::openai_chat()) hooks = completions_.hooks(owner, id);
  hooks.detach = nullptr;
  hooks.expand = [usual = std::move(hooks.expand)](Json& request) {
    request["service_tier"] = "flex";
    return usual ? usual(request) : std::nullopt;
  };
  const auto exchange = std::make_shared<Exchange>(
      terms_, dialect, route, id, std::make_shared<BatchStream>(std::move(answered)), std::move(hooks));
  exchange->set_caller(caller);
  if (!enlist(exchange)) return {};
  const size_t bytes = body.size();
  if (!workers_->post(bytes, [exchange, backend = std::move(backend), body = std::move(body)] {
        exchange->run(body, *backend);
      }))
    return {};
  return [weak = std::weak_ptr(exchange)] {
    if (const auto running = weak.lock()) running->cancel();
  };
}

void Service::batch_routes(http::Router& router) {
  using Text = const std::string&;
  using Made =
      std::function<api::ApiResult<Json>(const CallerPtr&, Text rest, Text query, std::string_view body)>;
  const auto add = [&](const char* method, const char* path, Made made) {
    router.add(method, path, [this, path, made](http::Request request, http::StreamPtr stream) {
      const std::string rest = request.path.substr(std::min(request.path.size(), kPath.size()));
      const std::string query = request.query;  // before the request is moved
      take(api::openai_chat(), path, std::move(request), std::move(stream),
           [made, rest, query](Exchange& e, std::string_view body, api::Backend&) {
             auto result = made(e.caller(), rest, query, body);
             if (auto* fault = std::get_if<api::ApiError>(&result)) return e.refuse(std::move(*fault));
             e.answer(std::get<Json>(result));
           });
    });
  };
  using Who = const CallerPtr&;
  add("POST", "/v1/batches",
      [this](Who who, Text, Text, std::string_view body) { return batches_->create(who, body); });
  add("GET", "/v1/batches",
      [this](Who who, Text, Text query, std::string_view) { return batches_->list(owner_of(who), query); });
  add("GET", "/v1/batches/*", [this](Who who, Text rest, Text, std::string_view) -> api::ApiResult<Json> {
    if (rest.find('/') != rest.npos) return nothing_at(rest);
    return batches_->find(owner_of(who), rest);
  });
  add("POST", "/v1/batches/*", [this](Who who, Text rest, Text, std::string_view) -> api::ApiResult<Json> {
    constexpr std::string_view kCancel = "/cancel";
    if (!rest.ends_with(kCancel)) return nothing_at(rest);
    return batches_->cancel(owner_of(who), rest.substr(0, rest.size() - kCancel.size()));
  });
}

}  // namespace autark::serve
