// HTTP/1.1 on sockets: an event loop (Boost.Asio, Beast) with close events, back-pressure and limits. Knows
// no LLM words. Handlers run on a loop thread and must not block; a Stream may be written from any thread.
#pragma once
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>
#include "base/result.h"

namespace autark::http {

struct Limits {
  size_t header_bytes = 32 << 10;                 // above: 431
  size_t body_bytes = 32 << 20;                   // above: 413, the connection is closed unread
  int connections = 4096;                         // above: 503 at accept
  std::chrono::milliseconds header_time{10'000};  // a client that dribbles its head: closed
  std::chrono::milliseconds body_time{60'000};    // above: 408
  std::chrono::milliseconds idle_time{75'000};    // keep-alive without a request: closed
  std::chrono::milliseconds write_time{60'000};   // a client that takes nothing for so long: closed
  size_t unsent_bytes = 4 << 20;                  // of one stream; a slower reader is closed
};

struct Options {
  std::string host = "127.0.0.1";
  uint16_t port = 0;  // 0: any free one
  int threads = 1;
  Limits limits;
};

using Headers = std::vector<std::pair<std::string, std::string>>;  // names in lower case

struct Request {
  std::string method, path, query;  // path is percent-decoded and without the query
  Headers headers;
  std::string body;
  std::string peer;                                                 // "127.0.0.1:54321"
  std::string_view header(std::string_view lower_case_name) const;  // empty when absent
};

struct Response {
  int status = 200;
  Headers headers;  // content-length and date are added
  std::string body;
};

// The answer to one request. Copies share it; it stays valid after the connection is gone and says so.
// Thread-safe. Exactly one of respond() and start() is called, once. Dropped unanswered: 500.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual void respond(Response response) = 0;
  // Chunked: head now, then write()s, then finish(). write returns false once the client is gone.
  virtual void start(int status, Headers headers) = 0;
  virtual bool write(std::string bytes) = 0;
  virtual void finish() = 0;
  virtual bool closed() const = 0;
  // Called once, on a loop thread, if the client goes away before the answer is finished.
  virtual void on_close(std::function<void()> gone) = 0;
};
using StreamPtr = std::shared_ptr<Stream>;
using Handler = std::function<void(Request, StreamPtr)>;

// Sees every request before its handler; true: it has answered.
using Filter = std::function<bool(const Request&, const StreamPtr&)>;

// Method and path to handler. A path ending in "/*" matches everything below. No match: not_found, or 405
// with Allow when only the method differs. HEAD is answered from GET without the body.
class Router {
 public:
  void add(std::string method, std::string path, Handler handler);
  void filter(Filter filter);
  void not_found(Handler handler);  // also for 405; default: plain text
  void handle(Request request, StreamPtr stream) const;

 private:
  std::map<std::string, std::map<std::string, Handler>> routes_;  // path → method → handler
  std::vector<Filter> filters_;
  Handler not_found_;
};

class Server {
 public:
  static Result<std::unique_ptr<Server>> start(const Options& options, Router router);
  virtual ~Server() = default;  // stop(), then joins
  virtual uint16_t port() const = 0;
  virtual int connections() const = 0;
  virtual void stop() = 0;  // closes the listener and every connection
};

// One server-sent event; `event` may be empty. Newlines in data become further data lines.
std::string sse(std::string_view data, std::string_view event = {});

}  // namespace autark::http
