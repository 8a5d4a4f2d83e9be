// One HTTP request from its body to the end of its answer: decodes it, submits it, and writes the events to a
// stream or collects them for a body. Called on four kinds of threads: a worker (run, count), the backend's
// (events), a loop thread (the client closed the connection) and the ticker (keep-alive, time limit). One
// mutex guards the state; no call blocks.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include "api/backend.h"
#include "api/dialect.h"
#include "http/stream.h"
#include "serve/callers.h"
#include "serve/metrics.h"

namespace autark::serve {

using Clock = std::function<std::chrono::steady_clock::time_point()>;

class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  // Shared by all exchanges of a service, which outlives them.
  struct Terms {
    Metrics& metrics;
    Clock clock;
    // Silence in a stream before a keep-alive, and the time limit of a request.
    std::chrono::milliseconds keep_alive, request_time;
  };

  // What a route adds to its exchanges; every member may be empty.
  struct Hooks {
    // Changes the parsed body before it is decoded. Runs on a worker and may read the disk.
    std::function<std::optional<api::ApiError>(Json& body)> expand;
    // Encrypts the reasoning for a client that asks for it.
    std::function<std::string(const std::string&)> seal;
    // Receives the body of a whole answer before the client does, also of a streamed one, if
    // Request::store is set. A stream or a background answer that failed or was cancelled has one, too.
    // `body` makes the JSON text, on any thread and once; `bytes` is about its size.
    std::function<void(size_t bytes, std::function<std::string()> body)> keep;
    // Takes a request with Request::background and answers this exchange.
    std::function<void(Exchange& self, api::Request request, api::Backend& backend)> detach;
  };

  // `route` is for metrics and the log, `id` for headers and the envelope.
  Exchange(const Terms& terms, const api::Dialect& dialect, std::string route, std::string id,
           http::StreamPtr stream, Hooks hooks = {});
  ~Exchange();

  // Who sent the request; null: the server has no callers. Call before run().
  void set_caller(CallerPtr caller) { caller_ = std::move(caller); }
  const CallerPtr& caller() const { return caller_; }
  std::string owner() const { return owner_of(caller_); }  // of what the request stores and reads
  // Gives a decoded request its caller and, if it names none, the first model that the caller may name. The fault if
  // the caller may not name its model.
  std::optional<api::ApiError> admit(api::Request& request, const api::Backend& backend) const;
  // The client leaves after so many seconds of silence: a stream gets a keep-alive in a third of it, a whole answer
  // has to be there by then. 0: not known. Call before run().
  void set_patience(double seconds);
  void watch();  // cancels the request when the client closes the connection
  // Decodes and submits the request. Renders and tokenises on the calling thread.
  void run(std::string_view body, api::Backend& backend);
  // Submits a decoded request; run() without the decoding.
  void submit(api::Request request, api::Backend& backend);
  // Answers with a body.
  void answer(const Json& body);
  // Ends the exchange without an answer and returns the stream, which the caller must answer; null if the
  // exchange is over.
  http::StreamPtr hand_over();
  // Ends the answer with an error because an operator asked for it.
  void end_by_operator();
  // What GET /v1/engine shows of it: `id`, `route`, `state`, `ms` … (docs/engine-state.md).
  Json state() const;
  // For an exchange that writes to a Recording, after submit(). Begins the stream, so that a later fault is an
  // event of it. Returns the fault if the request has been refused already: there is no answer then.
  std::optional<api::ApiError> begin();
  // Cancels the request of an exchange that writes to a Recording. Its answer ends where it is.
  void cancel();
  // The headers of an answer that has just begun.
  http::Headers headers(const char* content_type) const { return headers(terms_.clock(), content_type); }
  const std::string& id() const { return id_; }
  // Answers with the number of tokens of the request's prompt (count_tokens).
  void count(std::string_view body, api::Backend& backend);
  // The same for a request of /v1/responses.
  void count_input(std::string_view body, api::Backend& backend);
  void refuse(api::ApiError fault);  // answers with an error
  void tick();                       // sends a keep-alive or applies the time limit; call ten times a second
  void stop();                       // ends the answer with an error, because the server stops
  bool over() const;                 // true once the answer has ended

 private:
  using Time = std::chrono::steady_clock::time_point;

  std::optional<api::Request> read(std::string_view body, api::Backend& backend);
  void prepare(const api::Request& request, std::string fingerprint);
  void keep();
  void on_event(api::Event&& event);
  void client_left();
  void give_up(const api::ApiError& fault);
  void measure(const api::Event& event, Time now);
  std::optional<api::QueuePlace> place() const;
  const char* stage(bool queued) const;
  void apply_patience(api::Request& request) const;
  void begin_stream(Time now, const std::optional<api::QueuePlace>& place = {});
  bool is_silent(Time now) const;
  void keep_alive(Time now, const std::optional<api::QueuePlace>& place);
  void tell_cache();
  void stream_event(const api::Event& event, Time now);
  void gather_event(api::Event event);
  void respond(std::string body);
  void fail(const api::ApiError& fault);
  void send(const std::vector<api::Frame>& frames);
  void account(int status);
  void end();
  http::Headers headers(Time now, const char* content_type) const;
  int64_t milliseconds(Time now) const;

  const Terms& terms_;
  const api::Dialect& dialect_;
  const std::string route_, id_;
  const Time begun_;
  const Hooks hooks_;
  CallerPtr caller_;  // does not change after run()

  // What every event needs comes first.
  mutable std::mutex mutex_;
  http::StreamPtr stream_;
  std::unique_ptr<api::StreamEncoder> encoder_;  // set if the client wants a stream
  bool submitted_ = false, admitted_ = false, any_token_ = false, started_ = false, over_ = false;
  bool keeps_ = false;
  struct Spoken {
    int64_t tokens = 0;
    Time last;  // when the last token came
  };
  std::vector<Spoken> spoken_;  // per choice, for the time between tokens
  Time last_write_;
  std::optional<api::Tally> tally_;      // token counts of all choices
  std::unique_ptr<api::Answer> answer_;  // set if it wants one body, or if the answer is kept
  api::Envelope envelope_;
  std::optional<int64_t> max_tokens_;  // that the request allows
  api::Backend::Handle handle_;
  double patience_ = 0;
  std::chrono::milliseconds silence_;       // in a stream before a keep-alive
  std::vector<api::Allowance> allowances_;  // for the headers of the answer
  std::optional<api::ApiError> refused_;    // the fault before the answer began
};

}  // namespace autark::serve
