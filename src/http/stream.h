// One HTTP exchange as a handler sees it: the request, and the stream that takes the answer. A Stream may be
// written from any thread and stays valid after the connection is gone.
#pragma once
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace autark::http {

using Headers = std::vector<std::pair<std::string, std::string>>;  // names in lower case

struct Request {
  std::string method, path, query;  // the path is percent-decoded, the query is not
  Headers headers;
  std::string body;
  std::string peer;                          // "127.0.0.1:54321"
  std::shared_ptr<const void> context = {};  // what a filter found out about the request, for its handler
  std::string_view header(std::string_view lower_case_name) const;  // empty if absent
};

struct Response {
  int status = 200;
  Headers headers;  // without content-length and date, which the server adds
  std::string body;
};

// The answer to one request. Thread-safe. The handler calls exactly one of respond(), refuse() and start(),
// once; further calls are ignored and logged. If the last reference is dropped before that, the client gets a
// 500. If it is dropped between start() and finish(), the connection is closed, which tells the client that
// the answer is incomplete.
class Stream {
 public:
  virtual ~Stream() = default;
  // Sends a whole answer.
  virtual void respond(Response response) = 0;
  // Sends an error whose body comes from Options::error_body; plain text if that is not set.
  virtual void refuse(int status, std::string reason, Headers headers = {});
  // Sends the head; write() and finish() follow. The body is chunked unless `headers` has a content-length.
  virtual void start(int status, Headers headers) = 0;
  // Queues bytes of the body. Returns false once the client is gone or reads too slowly
  // (Limits::unsent_bytes).
  virtual bool write(std::string bytes) = 0;
  // Ends the answer.
  virtual void finish() = 0;
  // Whether the client is gone.
  virtual bool closed() const = 0;
  // `gone` is called once, on a loop thread, if the client leaves before the answer is finished. If it has
  // left already, `gone` is called at once. A client that closes only its sending side has not left.
  virtual void on_close(std::function<void()> gone) = 0;
  // `sent` is called once, on a loop thread, when all bytes that were written have been handed to the
  // network; never if the client leaves or the answer is finished before that. A second call replaces the
  // first. Streams that no client reads never call it.
  virtual void on_sent(std::function<void()>) {}
};
using StreamPtr = std::shared_ptr<Stream>;
using Handler = std::function<void(Request, StreamPtr)>;

// Takes the body of one request in pieces while it arrives, see Router::upload. The connection reads no further
// until a piece is taken. A sink that is destroyed before end() belongs to a client that left, or to a body that
// was refused.
class BodySink {
 public:
  virtual ~BodySink() = default;
  // Takes the next piece, never empty; does not block. Calls `then` once, on any thread: with true to get the next
  // piece, or with false if it has answered the request. The rest of the body is then not passed on.
  virtual void put(std::string bytes, std::function<void(bool more)> then) = 0;
  // The body is whole: answers the request, now or later.
  virtual void end() = 0;
};

// The text of one server-sent event; `event` may be empty. Each line of `data` becomes a data line.
std::string sse(std::string_view data, std::string_view event = {});

}  // namespace autark::http
