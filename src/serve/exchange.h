// One request from its body to the end of its answer: decode, submit, then events to a stream or a body.
// Runs on four kinds of threads: a worker (run), the backend's (events), a loop thread (the client left) and
// the ticker (silence, time). One mutex; nothing here blocks.
#pragma once
#include <chrono>
#include <functional>
#include <memory>
#include <mutex>
#include "api/backend.h"
#include "api/dialect.h"
#include "http/stream.h"
#include "serve/metrics.h"

namespace autark::serve {

using Clock = std::function<std::chrono::steady_clock::time_point()>;

class Exchange : public std::enable_shared_from_this<Exchange> {
 public:
  struct Terms {  // shared by all exchanges of a service, which outlives them
    Metrics& metrics;
    Clock clock;
    std::chrono::milliseconds keep_alive, request_time;
  };

  Exchange(const Terms& terms, const api::Dialect& dialect, std::string route, std::string id,
           http::StreamPtr stream);
  ~Exchange();

  void watch();  // notices when the client leaves
  void run(std::string_view body, api::Backend& backend);
  void count(std::string_view body, api::Backend& backend);  // the tokens of a request, not an answer to it
  void refuse(api::Fault fault);
  void tick();  // keep-alives and the time limit
  void stop();  // the server ends: so does the answer
  bool over() const;

 private:
  using Time = std::chrono::steady_clock::time_point;

  void prepare(const api::Request& request, std::string fingerprint);
  void on_event(api::Event event);
  void client_left();
  void give_up(const api::Fault& fault);
  void measure(const api::Event& event, Time now);
  void begin_stream(Time now);
  void stream_event(const api::Event& event, Time now);
  void gather_event(api::Event event);
  void respond(const Json& body);
  void fail(const api::Fault& fault);
  void send(const std::vector<api::Frame>& frames);
  void account(int status);
  void end();
  http::Headers headers(Time now, const char* content_type) const;
  int64_t milliseconds(Time now) const;

  const Terms& terms_;
  const api::Dialect& dialect_;
  const std::string route_, id_;
  const Time begun_;

  mutable std::mutex mutex_;
  http::StreamPtr stream_;
  api::Envelope envelope_;
  std::unique_ptr<api::StreamEncoder> encoder_;  // a stream is wanted
  std::unique_ptr<api::Answer> answer_;          // or the whole
  std::unique_ptr<api::Tally> tally_;            // of this answer; nobody else counts it
  api::Backend::Cancel cancel_;
  struct Spoken {
    int64_t tokens = 0;
    Time last;  // when the last one came
  };
  std::vector<Spoken> spoken_;  // by choice
  bool any_token_ = false, started_ = false, over_ = false;
  Time last_write_;
};

}  // namespace autark::serve
