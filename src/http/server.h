// An HTTP/1.1 server on an event loop (Boost.Asio and Beast), with close events, back-pressure and limits.
// Handlers run on a loop thread and must not block; a Stream may be written from any thread.
#pragma once
#include <chrono>
#include <cstdint>
#include "base/result.h"
#include "http/cors.h"
#include "http/router.h"
#include "http/stream.h"
#include "http/tls_pair.h"

namespace autark::http {

// Limits of one server, and what happens beyond each.
struct Limits {
  size_t header_bytes = 32 << 10;   // more: 431
  size_t body_bytes = 32 << 20;     // more: 413; the connection is closed without reading the body
  size_t upload_bytes = 513 << 20;  // of a body that goes to a BodySink; more: 413
  int connections = 4096;           // more: 503 when accepted
  int handshakes = 512;  // of TLS that are not complete; further connections are closed when accepted
  std::chrono::milliseconds handshake_time{10'000};  // for a whole handshake; later: closed
  std::chrono::milliseconds header_time{10'000};     // for a whole head; later: closed
  std::chrono::milliseconds body_time{60'000};   // for a whole body, or for 64 KiB of an upload; later: 408
  std::chrono::milliseconds idle_time{75'000};   // between two requests of a connection; later: closed
  std::chrono::milliseconds write_time{60'000};  // without the client taking a byte; later: closed
  size_t unsent_bytes = 4 << 20;                 // written to one stream and not yet sent; more: closed
};

// The body of an error response.
struct ErrorBody {
  std::string content_type, body;
};

struct Options {
  std::string host = "127.0.0.1";  // an address or a name
  uint16_t port = 0;               // 0: any free port
  int threads = 1;                 // loop threads
  Limits limits;
  Cors cors;  // preflights of allowed origins are answered before the filters run
  // Makes the body of every error of this layer and of Stream::refuse. `path` is empty if it is not known.
  // Called on any thread. If it is not set, errors are plain text.
  std::function<ErrorBody(int status, std::string_view reason, std::string_view path)> error_body;
  std::shared_ptr<TlsPair> tls = {};  // if set, the port speaks HTTPS only
};

// All functions may be called from any thread.
class Server {
 public:
  // Listens and starts the loop threads.
  static Result<std::unique_ptr<Server>> start(const Options& options, Router router);
  virtual ~Server() = default;          // stop(), then joins the loop threads
  virtual uint16_t port() const = 0;    // the real one, also if Options::port is 0
  virtual int connections() const = 0;  // open now
  virtual int answering() const = 0;    // connections with a request whose answer is not completely sent
  // First step of shutting down: from now on every answer says "connection: close". The port stays open.
  virtual void drain() = 0;
  // Second step: closes the port and idle connections, answers 503 to requests that are still arriving, and
  // waits until all answers are sent, at most for `most`.
  virtual void finish(std::chrono::milliseconds most) = 0;
  // Last step: closes the port and every connection.
  virtual void stop() = 0;
};

}  // namespace autark::http
