// The routes: dialects to a Backend, model listings, health, metrics, the console's files. Listens to nothing
// itself: give router() and error_body() to an http::Server, and let the server go before the service.
//
//   loop thread ─ route ─▶ worker: JSON, template, tokens ─▶ backend ─ events ─▶ Exchange ─▶ http::Stream
#pragma once
#include <atomic>
#include <memory>
#include "api/backend.h"
#include "http/server.h"
#include "serve/console.h"
#include "serve/exchange.h"
#include "serve/ids.h"
#include "serve/workers.h"

namespace autark::serve {

class Service {
 public:
  struct Options {
    std::string api_key;  // empty: everybody may
    std::span<const Asset> assets;
    std::chrono::milliseconds keep_alive{10'000};  // of silence in a stream
    std::chrono::milliseconds request_time{3'600'000};
    Workers::Limits workers;
    Clock clock;  // empty: the steady clock, and a thread that ticks; else tick() is the caller's
  };
  using Expose = std::function<void(Exposition&)>;

  explicit Service(Options options);
  ~Service();
  Service(const Service&) = delete;

  http::Router router();
  static http::ErrorBody error_body(int status, std::string_view reason, std::string_view path);

  // Until open(), requests get 503 and /ready tells how far loading is.
  void loading(double done) { loading_ = done; }
  void open(std::shared_ptr<api::Backend> backend, Expose more_metrics = {});
  void drain();  // new requests get 503, those under way go on
  void stop();   // and these end now: with 503, or an error event in a stream
  int under_way();
  void tick();

 private:
  void api_routes(http::Router& router);
  void own_routes(http::Router& router);
  http::Filter key_filter();
  using Work = void (Exchange::*)(std::string_view body, api::Backend& backend);  // a worker's
  void take(const api::Dialect& dialect, const char* route, http::Request request, http::StreamPtr stream,
            Work work);
  bool enlist(const std::shared_ptr<Exchange>& exchange);  // false: the server is stopping
  std::vector<std::shared_ptr<Exchange>> exchanges();
  void list_models(const http::Request& request, const http::StreamPtr& stream);
  void one_model(const http::Request& request, const http::StreamPtr& stream);
  void ready(const http::StreamPtr& stream);
  void show_metrics(const http::StreamPtr& stream);
  std::optional<api::Fault> not_now(std::shared_ptr<api::Backend>& backend);
  void reply(const char* route, const http::StreamPtr& stream, http::Response response);
  void fail(const char* route, const api::Dialect& dialect, const http::StreamPtr& stream,
            const api::Fault& fault);
  void tick_until_stopped();

  Options options_;
  Metrics metrics_;
  Exchange::Terms terms_;
  std::atomic<double> loading_{0};
  std::atomic<bool> draining_{false};

  std::mutex mutex_;
  std::condition_variable stop_wake_;
  bool stopping_ = false;
  std::vector<std::weak_ptr<Exchange>> exchanges_;
  std::shared_ptr<api::Backend> backend_;
  Expose more_metrics_;
  Ids ids_;

  std::unique_ptr<Workers> workers_;
  std::thread ticker_;
};

}  // namespace autark::serve
