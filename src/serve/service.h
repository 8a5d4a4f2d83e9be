// All routes of the server: the API dialects, model lists, health, metrics and the console's files. It opens
// no socket: give router() and error_body() to an http::Server, and destroy the server before the service.
//
//   loop thread ─ route ─▶ worker: JSON, template, tokens ─▶ backend ─ events ─▶ Exchange ─▶ http::Stream
#pragma once
#include <atomic>
#include <memory>
#include "api/backend.h"
#include "http/server.h"
#include "http/workers.h"
#include "serve/background_answers.h"
#include "serve/batch_runner.h"
#include "serve/console.h"
#include "serve/exchange.h"
#include "serve/idempotency.h"
#include "serve/ids.h"
#include "serve/stored_completions.h"
#include "store/files.h"

namespace autark::serve {

// Seconds after which the client of a request gives up, as official clients say it in `x-stainless-read-timeout` or
// `x-stainless-timeout`; 0: not said.
double patience_of(const http::Request& request);

// The fault of every request while the server stops.
extern const api::ApiError kStopping;
// The fault of a request that the server has no room for.
extern const api::ApiError kTooMany;

class Service {
 public:
  struct Options {
    std::string api_key;  // empty: no key is needed, unless there is a gate
    // Who may come in, for a server with accounts; null: whoever has the key. Not together with a key.
    std::shared_ptr<api::Gate> gate;
    std::span<const Asset> assets;                      // the console's files; must outlive the router
    std::chrono::milliseconds keep_alive{9'500};        // silence in a stream before a keep-alive
    std::chrono::milliseconds request_time{3'600'000};  // a request that takes longer ends with 504
    http::Workers::Limits workers;
    // Where answers of /v1/responses are kept, and what encrypts reasoning. Empty: in memory, bounded, and a
    // key that ends with the process.
    std::shared_ptr<storage::Store> answers;
    std::shared_ptr<Seal> seal;
    // Where uploaded files are kept; empty: in a temporary folder, bounded. And the bytes that one may have.
    std::shared_ptr<storage::Files> files;
    int64_t file_bytes = int64_t{512} << 20;
    // What is kept of batches; empty: in memory.
    std::shared_ptr<storage::Batches> batches;
    // Empty: the steady clock, and a thread that calls tick(). Else (tests) the caller calls tick().
    Clock clock;
  };
  using Expose = std::function<void(Exposition&)>;

  explicit Service(Options options);
  // Ends all running requests. REQUIRES: the http::Server is destroyed.
  ~Service();
  Service(const Service&) = delete;

  // The routes, for an http::Server. Its handlers use this service.
  http::Router router();
  // The body of an error that the HTTP layer finds, in the dialect that the path belongs to.
  static http::ErrorBody error_body(int status, std::string_view reason, std::string_view path);

  // The members below are thread-safe. Until open(), API requests get 503 and /ready shows the progress, 0…1.
  void loading(double done) { loading_ = done; }
  // Starts serving. `more_metrics` adds the backend's metrics to /metrics.
  // `vllm_metrics`, if set: /metrics also has the names of vLLM, these of the backend among them.
  void open(std::shared_ptr<api::Backend> backend, Expose more_metrics = {}, Expose vllm_metrics = {});
  void drain();     // new requests get 503, running ones continue
  void stop();      // also ends the running ones: with 503, or with an error event in a stream
  int in_flight();  // the number of requests whose answer has not ended
  // How often a service without a clock of its own speaks; clients may have a patience of one second.
  static constexpr std::chrono::milliseconds kSpeakTime{100};
  // Sends keep-alives and ends requests that take too long. Call on one thread, every kSpeakTime.
  void speak();
  // The same; removes what is over and, once an hour, rotates the key and tidies the store. About once a second.
  void tick();

 private:
  void api_routes(http::Router& router);
  void own_routes(http::Router& router);
  void fact_routes(http::Router& router);
  void file_routes(http::Router& router);
  void with_disk(const char* route, const http::StreamPtr& stream, std::function<void()> work);
  void give(const char* route, const http::StreamPtr& stream, const api::ApiResult<Json>& made);
  std::shared_ptr<http::BodySink> take_upload(const http::Request& head, const http::StreamPtr& stream);
  void send_content(const http::StreamPtr& stream, const std::string& owner, const std::string& id);
  static http::Response json_response(int status, const Json& body);
  http::Filter key_filter();
  std::optional<api::ApiError> not_admitted(http::Request& request);
  void engine_routes(http::Router& router);
  void show_engine(const http::Request& request, const http::StreamPtr& stream);
  void end_request(const http::Request& request, const http::StreamPtr& stream);
  void response_routes(http::Router& router);
  void kept_response_routes(http::Router& router);
  void completion_routes(http::Router& router);
  void batch_routes(http::Router& router);
  std::unique_ptr<BatchRunner> batch_runner();
  std::optional<BatchRunner::Cancel> send_batched(const CallerPtr& caller, const std::string& endpoint,
                                                  std::string body, BatchRunner::Answered answered);
  void take_completion(const char* route, http::Request request, http::StreamPtr stream);
  // Runs on a worker thread.
  using Work = std::function<void(Exchange& exchange, std::string_view body, api::Backend& backend)>;
  void take(const api::Dialect& dialect, const char* route, http::Request request, http::StreamPtr stream,
            Work work);
  void hand_to_worker(const std::shared_ptr<Exchange>& exchange, std::string body, Work work,
                      std::shared_ptr<api::Backend> backend);
  void take_response(const api::Dialect& dialect, http::Request request, http::StreamPtr stream, Work work);
  // take() for an answer that may be kept; `hooks` makes the hooks of the exchange with an owner and an id.
  void take_kept(
      const api::Dialect& dialect, const char* route, http::Request request, http::StreamPtr stream,
      Work work,
      const std::function<Exchange::Hooks(const std::string& owner, const std::string& id)>& hooks);
  Exchange::Hooks response_hooks(const std::string& owner, const std::string& id);
  void start_in_background(Exchange& self, api::Request request, api::Backend& backend,
                           Exchange::Hooks hooks);
  void get_response(Exchange& exchange, const std::string& id, const std::string& query);
  void stream_response(Exchange& exchange, const std::string& id, const std::string& query);
  void cancel_response(Exchange& exchange, const std::string& id);
  void delete_response(Exchange& exchange, const std::string& id);
  bool enlist(const std::shared_ptr<Exchange>& exchange);  // false: the server is stopping
  std::vector<std::shared_ptr<Exchange>> exchanges();
  void list_models(const http::Request& request, const http::StreamPtr& stream);
  void one_model(const http::Request& request, const http::StreamPtr& stream);
  void clear_cache(const http::StreamPtr& stream);
  void ready(const http::StreamPtr& stream);
  void show_metrics(const http::StreamPtr& stream);
  std::optional<api::ApiError> not_now(std::shared_ptr<api::Backend>& backend);
  std::optional<api::ApiError> not_loaded(std::shared_ptr<api::Backend>& backend);
  bool is_answered(const api::Dialect& dialect, const char* route, const http::Request& request,
                   http::StreamPtr& stream);
  void reply(const char* route, const http::StreamPtr& stream, http::Response response);
  void fail(const char* route, const api::Dialect& dialect, const http::StreamPtr& stream,
            const api::ApiError& fault);
  void tick_until_stopped();
  void tidy();

  Options options_;
  const std::shared_ptr<api::Gate> gate_;  // null: all may come in
  Metrics metrics_;
  Exchange::Terms terms_;
  std::atomic<double> loading_{0};
  std::atomic<bool> draining_{false};

  std::mutex mutex_;
  std::condition_variable stop_wake_;
  bool stopping_ = false;
  std::vector<std::weak_ptr<Exchange>> exchanges_;
  std::shared_ptr<api::Backend> backend_;
  Expose more_metrics_, vllm_metrics_;
  Ids ids_;
  std::shared_ptr<Seal> seal_;
  std::unique_ptr<StoredResponses> responses_;
  StoredCompletions completions_;
  const std::shared_ptr<Idempotency> idempotency_ = std::make_shared<Idempotency>();
  BackgroundAnswers background_{options_.gate != nullptr};
  std::chrono::steady_clock::time_point next_tidy_;  // used by tick() only

  std::shared_ptr<storage::Files> files_;
  std::unique_ptr<http::Workers> workers_, disk_workers_;
  std::unique_ptr<BatchRunner> batches_;  // ended before the workers
  std::thread ticker_;
};

}  // namespace autark::serve
