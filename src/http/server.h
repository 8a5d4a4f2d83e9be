// HTTP/1.1 on sockets: an event loop (Boost.Asio, Beast) with close events, back-pressure and limits. Knows
// no LLM words. Handlers run on a loop thread and must not block; a Stream may be written from any thread.
#pragma once
#include <chrono>
#include <cstdint>
#include "base/result.h"
#include "http/cors.h"
#include "http/router.h"
#include "http/stream.h"

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

struct ErrorBody {
  std::string content_type, body;
};

struct Options {
  std::string host = "127.0.0.1";
  uint16_t port = 0;  // 0: any free one
  int threads = 1;
  Limits limits;
  Cors cors;  // preflights of allowed origins are answered before any filter sees them
  // The body of every error that this layer makes itself and of Stream::refuse; `path` is empty where it is
  // not known. Called on any thread. Absent: plain text.
  std::function<ErrorBody(int status, std::string_view reason, std::string_view path)> error_body;
};

class Server {
 public:
  static Result<std::unique_ptr<Server>> start(const Options& options, Router router);
  virtual ~Server() = default;  // stop(), then joins
  virtual uint16_t port() const = 0;
  virtual int connections() const = 0;
  virtual int answering() const = 0;  // connections with a request whose answer is not sent whole
  // The three steps of an end. From the first on, every answer says that its connection closes after it.
  virtual void drain() = 0;
  // Closes the listener and what is idle, refuses what is half said, and waits until all answers are sent: no
  // longer than `most`.
  virtual void finish(std::chrono::milliseconds most) = 0;
  virtual void stop() = 0;  // closes the listener and every connection
};

}  // namespace autark::http
