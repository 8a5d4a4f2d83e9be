#include "serve/service.h"
#include <fmt/format.h>
#include <ctime>
#include "api/faults.h"
#include "api/models.h"
#include "base/check.h"
#include "base/log.h"
#include "serve/api_key.h"
#include "serve/assets.h"
#include "serve/key_gate.h"
#include "serve/openapi.h"
#include "store/files_folder.h"
#include "store/sqlite_store.h"

namespace autark::serve {

const api::ApiError kStopping{.kind = api::ApiError::Kind::unavailable, .message = "the server is stopping"};
const api::ApiError kTooMany{.kind = api::ApiError::Kind::overloaded,
                             .message = "the server has too many requests; try again in 1s"};

namespace {

using Kind = api::ApiError::Kind;

// The dialect of the error bodies for a path.
const api::Dialect& dialect_of(std::string_view path, bool anthropic_header = false) {
  if (anthropic_header || path == "/v1/messages" || path.starts_with("/v1/messages/"))
    return api::anthropic_messages();
  return api::openai_chat();
}

const api::Dialect& dialect_of(const http::Request& request) {
  return dialect_of(request.path, !request.header("anthropic-version").empty());
}

constexpr std::chrono::hours kTidyTime{1};
constexpr int64_t kMemoryBytes = int64_t{64} << 20;  // of a store without a folder

std::shared_ptr<storage::Store> store_of(const Service::Options& options) {
  if (options.answers) return options.answers;
  auto answers = storage::memory_store({.bytes = kMemoryBytes});
  AUTARK_CHECK(answers);
  return std::move(*answers);
}

std::shared_ptr<storage::Files> files_of(const Service::Options& options) {
  return options.files ? options.files
                       : storage::temporary_files({.bytes = kMemoryBytes, .shared = options.gate != nullptr});
}

// For what may wait for the disk. Jobs of files hold one piece each.
constexpr http::Workers::Limits kDiskWorkers{.threads = 2, .jobs = 8192, .bytes = size_t{512} << 20};

std::shared_ptr<api::Gate> gate_of(const Service::Options& options) {
  if (options.gate || options.api_key.empty()) return options.gate;
  return std::make_shared<KeyGate>(options.api_key);
}

// The models that a caller may name.
std::vector<api::ModelEntry> models_for(const CallerPtr& caller, const api::Backend& backend) {
  std::vector<api::ModelEntry> models = backend.models();
  if (caller) std::erase_if(models, [&](const api::ModelEntry& m) { return !caller->may_name(m.id); });
  return models;
}

std::shared_ptr<Seal> seal_of(const Service::Options& options) {
  return options.seal ? options.seal : std::make_shared<Seal>(Seal::random(std::time(nullptr)));
}

}  // namespace

http::Response Service::json_response(int status, const Json& body) {
  return {status, {{"content-type", "application/json"}}, dump_json(body)};
}

Service::Service(Options options)
    : options_(std::move(options)),
      gate_(gate_of(options_)),
      terms_{metrics_, options_.clock ? options_.clock : [] { return std::chrono::steady_clock::now(); },
             options_.keep_alive, options_.request_time},
      seal_(seal_of(options_)),
      responses_(std::make_unique<StoredResponses>(store_of(options_), seal_)),
      completions_(*responses_),
      next_tidy_(terms_.clock() + kTidyTime),
      files_(files_of(options_)),
      workers_(std::make_unique<http::Workers>(options_.workers)),
      disk_workers_(std::make_unique<http::Workers>(kDiskWorkers)),
      batches_(batch_runner()) {
  if (!options_.clock) ticker_ = std::thread([this] { tick_until_stopped(); });
}

// Stops the ticker, the batches, the workers and the backend, in this order: each may use the ones after it.
Service::~Service() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  stop_wake_.notify_all();
  if (ticker_.joinable()) ticker_.join();
  batches_.reset();
  disk_workers_.reset();
  workers_.reset();
  std::shared_ptr<api::Backend> backend;
  {
    const std::lock_guard lock(mutex_);
    std::swap(backend, backend_);
  }
  backend.reset();  // ends the running requests; their last events still use metrics_
}

void Service::open(std::shared_ptr<api::Backend> backend, Expose more_metrics, Expose vllm_metrics) {
  const std::lock_guard lock(mutex_);
  backend_ = std::move(backend);
  more_metrics_ = std::move(more_metrics);
  vllm_metrics_ = std::move(vllm_metrics);
  batches_->wake();
}

http::Router Service::router() {
  http::Router router;
  if (gate_) router.filter(key_filter());
  api_routes(router);
  completion_routes(router);
  response_routes(router);
  batch_routes(router);
  engine_routes(router);
  own_routes(router);
  fact_routes(router);
  file_routes(router);
  add_assets(router, options_.assets);
  router.not_found([this](http::Request request, http::StreamPtr stream) {
    fail("other", dialect_of(request), stream,
         {.kind = Kind::not_found,
          .message =
              "there is nothing at " + request.method + " " + request.path.substr(0, 200) + " on this server",
          .code = "not_found"});
  });
  return router;
}

http::Filter Service::key_filter() {
  return [this](http::Request& request, const http::StreamPtr& stream) {
    if (!needs_key(request.path)) return false;
    const auto fault = not_admitted(request);
    if (!fault) return false;
    metrics_.refused_key();
    fail("refused key", dialect_of(request), stream, *fault);
    return true;
  };
}

// The fault of a request whose key does not open its route; else the request gets its caller.
std::optional<api::ApiError> Service::not_admitted(http::Request& request) {
  auto entered = enter(*gate_, request);
  if (auto* fault = std::get_if<api::ApiError>(&entered)) return std::move(*fault);
  const CallerPtr& caller = std::get<CallerPtr>(entered);
  const bool changes = request.method != "GET" && request.method != "HEAD";
  if (is_of_the_server(request.path) && !may_run_server(caller, changes))
    return api::ApiError{.kind = Kind::forbidden, .message = "only an administrator's API key may do this"};
  request.context = caller;
  return {};
}

void Service::api_routes(http::Router& router) {
  const auto post = [&](const char* path, const api::Dialect& d, Work work) {
    router.add("POST", path, [this, path, &d, work](http::Request request, http::StreamPtr stream) {
      take(d, path, std::move(request), std::move(stream), work);
    });
  };
  for (const char* path : {"/v1/completions", "/beta/completions"})
    post(path, api::openai_completions(), &Exchange::run);
  post("/v1/messages", api::anthropic_messages(), &Exchange::run);
  post("/v1/messages/count_tokens", api::anthropic_messages(), &Exchange::count);
  router.add("POST", "/v1/cache/clear",
             [this](http::Request, http::StreamPtr stream) { clear_cache(stream); });
  router.add("GET", "/v1/models",
             [this](http::Request request, http::StreamPtr stream) { list_models(request, stream); });
  router.add("GET", "/v1/models/*",
             [this](http::Request request, http::StreamPtr stream) { one_model(request, stream); });
}

void Service::own_routes(http::Router& router) {
  router.add("GET", "/health", [this](http::Request, http::StreamPtr stream) {
    reply("/health", stream, json_response(200, {{"status", "ok"}}));
  });
  router.add("GET", "/ready", [this](http::Request, http::StreamPtr stream) { ready(stream); });
  const auto not_configured = [&](const char* method, const char* path, const char* why) {
    router.add(method, path, [this, path, why](http::Request, http::StreamPtr stream) {
      fail(path, api::openai_chat(), stream,
           {.kind = Kind::not_found, .message = why, .code = "not_configured"});
    });
  };
  not_configured("GET", "/user/balance", "this server keeps no balances");
  not_configured("POST", "/v1/moderations", "this server has no model that classifies texts");
  router.add("GET", "/metrics", [this](http::Request, http::StreamPtr stream) { show_metrics(stream); });
  router.add("GET", "/openapi.json", [this](http::Request, http::StreamPtr stream) {
    static const http::Response kDocuments[] = {json_response(200, openapi(false)),
                                                json_response(200, openapi(true))};
    reply("/openapi.json", stream, kDocuments[gate_ ? 1 : 0]);
  });
  router.add("GET", "/api/hello", [this](http::Request, http::StreamPtr stream) {
    reply("/api/hello", stream, json_response(200, Json::object()));
  });
}

// Refuses while the server stops or the model is not loaded; else sets `backend`.
std::optional<api::ApiError> Service::not_now(std::shared_ptr<api::Backend>& backend) {
  return draining_ ? kStopping : not_loaded(backend);
}

// The same, but not while it stops.
std::optional<api::ApiError> Service::not_loaded(std::shared_ptr<api::Backend>& backend) {
  const std::lock_guard lock(mutex_);
  backend = backend_;
  if (backend) return {};
  return api::ApiError{.kind = Kind::unavailable,
                       .message = "the model is being loaded; try again in a few seconds"};
}

// Answers a request that an Idempotency-Key belongs to already; else `stream` may become a copying one.
bool Service::is_answered(const api::Dialect& dialect, const char* route, const http::Request& request,
                          http::StreamPtr& stream) {
  if (request.method != "POST") return false;
  const auto fault = idempotency_->admit(request, owner_of(caller_of(request)), terms_.clock(), stream);
  if (fault) fail(route, dialect, stream, *fault);
  if (!fault && !stream) metrics_.answered(route, 200);
  return fault || !stream;
}

// Runs on a loop thread: hands the body to a worker and returns.
void Service::take(const api::Dialect& dialect, const char* route, http::Request request,
                   http::StreamPtr stream, Work work) {
  if (is_answered(dialect, route, request, stream)) return;
  std::shared_ptr<api::Backend> backend;
  auto exchange = std::make_shared<Exchange>(terms_, dialect, route, ids_.next(), std::move(stream));
  exchange->set_caller(caller_of(request));
  exchange->set_patience(patience_of(request));
  if (const auto fault = not_now(backend)) return exchange->refuse(*fault);
  hand_to_worker(exchange, std::move(request.body), std::move(work), std::move(backend));
}

void Service::hand_to_worker(const std::shared_ptr<Exchange>& exchange, std::string body, Work work,
                             std::shared_ptr<api::Backend> backend) {
  exchange->watch();
  if (!enlist(exchange)) return exchange->refuse(kStopping);
  const size_t bytes = body.size();
  const bool taken = workers_->post(bytes, [exchange, work = std::move(work), backend = std::move(backend),
                                            body = std::move(body)] { work(*exchange, body, *backend); });
  if (!taken) exchange->refuse(kTooMany);
}

bool Service::enlist(const std::shared_ptr<Exchange>& exchange) {
  const std::lock_guard lock(mutex_);
  if (!draining_) exchanges_.push_back(exchange);
  return !draining_;
}

void Service::list_models(const http::Request& request, const http::StreamPtr& stream) {
  std::shared_ptr<api::Backend> backend;
  const api::Dialect& dialect = dialect_of(request);
  if (const auto fault = not_now(backend)) return fail("/v1/models", dialect, stream, *fault);
  const std::vector<api::ModelEntry> shown = models_for(caller_of(request), *backend);
  if (&dialect != &api::anthropic_messages())
    return reply("/v1/models", stream, json_response(200, api::openai_models(shown)));
  const auto page = api::anthropic_models(shown, request.query);
  if (const auto* fault = std::get_if<api::ApiError>(&page))
    return fail("/v1/models", dialect, stream, *fault);
  reply("/v1/models", stream, json_response(200, std::get<Json>(page)));
}

void Service::one_model(const http::Request& request, const http::StreamPtr& stream) {
  std::shared_ptr<api::Backend> backend;
  const api::Dialect& dialect = dialect_of(request);
  if (const auto fault = not_now(backend)) return fail("/v1/models/*", dialect, stream, *fault);
  const std::string id = request.path.substr(std::string_view("/v1/models/").size());
  const bool anthropic = &dialect == &api::anthropic_messages();
  for (const api::ModelEntry& m : models_for(caller_of(request), *backend))
    if (m.id == id)
      return reply("/v1/models/*", stream,
                   json_response(200, anthropic ? api::anthropic_model(m) : api::openai_model(m)));
  fail("/v1/models/*", dialect, stream,
       {.kind = Kind::not_found,
        .message = "there is no model '" + id.substr(0, 200) + "' here",
        .param = "model",
        .code = "model_not_found"});
}

void Service::clear_cache(const http::StreamPtr& stream) {
  std::shared_ptr<api::Backend> backend;
  if (const auto fault = not_now(backend)) return fail("/v1/cache/clear", api::openai_chat(), stream, *fault);
  with_disk("/v1/cache/clear", stream, [this, stream, backend] {
    backend->clear_cache();
    reply("/v1/cache/clear", stream, json_response(200, {{"cleared", true}}));
  });
}

void Service::ready(const http::StreamPtr& stream) {
  std::shared_ptr<api::Backend> backend;
  const auto fault = not_now(backend);
  if (const auto broken = fault ? std::nullopt : backend->fault())
    return reply("/ready", stream,
                 json_response(503, {{"status", broken->code}, {"message", broken->message}}));
  const char* status = !fault ? "ready" : draining_ ? "stopping" : "loading";
  Json body{{"status", status}};
  if (fault && !draining_) body["progress"] = loading_.load();
  reply("/ready", stream, json_response(fault ? 503 : 200, body));
}

void Service::show_metrics(const http::StreamPtr& stream) {
  Exposition out;
  metrics_.expose(out);
  out.gauge("requests_in_flight", "Requests between their arrival and the end of their answer.", in_flight());
  Expose more, vllm;
  std::string model;
  {
    const std::lock_guard lock(mutex_);
    more = more_metrics_, vllm = vllm_metrics_;
    if (vllm && backend_) model = backend_->models().front().id;
  }
  if (more) more(out);
  Exposition as_vllm("vllm:", model);
  if (vllm) metrics_.expose_as_vllm(as_vllm), vllm(as_vllm);
  reply("/metrics", stream,
        {200, {{"content-type", "text/plain; version=0.0.4; charset=utf-8"}}, out.text() + as_vllm.text()});
}

void Service::reply(const char* route, const http::StreamPtr& stream, http::Response response) {
  metrics_.answered(route, response.status);
  stream->respond(std::move(response));
}

void Service::fail(const char* route, const api::Dialect& dialect, const http::StreamPtr& stream,
                   const api::ApiError& fault) {
  const std::string id = "req_" + ids_.next();
  api::Reply r = dialect.error(fault, id);
  r.headers.emplace_back(dialect.request_id_header(), id);
  log_info(fmt::format("{} {} {}: {}", id, route, r.status, fault.message));
  reply(route, stream, {r.status, std::move(r.headers), std::move(r.body)});
}

http::ErrorBody Service::error_body(int status, std::string_view reason, std::string_view path) {
  const api::ApiError fault = api::fault_of_status(status, std::string(reason));
  return {"application/json", dialect_of(path).error(fault, "").body};
}

int Service::in_flight() {
  const std::lock_guard lock(mutex_);
  std::erase_if(exchanges_, [](const auto& weak) {
    const auto e = weak.lock();
    return !e || e->over();
  });
  return int(exchanges_.size());
}

void Service::drain() {
  const std::lock_guard lock(mutex_);
  draining_ = true;
}

void Service::stop() {
  drain();
  for (const auto& e : exchanges()) e->stop();
}

std::vector<std::shared_ptr<Exchange>> Service::exchanges() {
  std::vector<std::shared_ptr<Exchange>> now;
  const std::lock_guard lock(mutex_);
  for (const auto& weak : exchanges_)
    if (auto e = weak.lock()) now.push_back(std::move(e));
  return now;
}

void Service::speak() {
  for (const auto& e : exchanges()) e->tick();
}

void Service::tick() {
  speak();
  in_flight();  // removes those that have ended from exchanges_
  background_.tidy();
  tidy();
}

void Service::tidy() {
  const auto now = terms_.clock();
  if (now < next_tidy_) return;
  next_tidy_ = now + kTidyTime;
  responses_->tidy();
  batches_->tidy();
  if (const auto fault = seal_->rotate(std::time(nullptr))) log_error(fault->message);
}

void Service::tick_until_stopped() {
  constexpr int kPerSecond = std::chrono::seconds(1) / kSpeakTime;
  std::unique_lock lock(mutex_);
  for (int i = 1; !stop_wake_.wait_for(lock, kSpeakTime, [this] { return stopping_; }); ++i) {
    lock.unlock();
    i % kPerSecond == 0 ? tick() : speak();
    lock.lock();
  }
}

}  // namespace autark::serve
