// One HTTP exchange as a handler sees it: the request, and the stream its answer goes to. A Stream may be
// written from any thread; it stays valid after the connection is gone and says so.
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

// The answer to one request. Copies share it. Thread-safe. Exactly one of respond(), refuse() and start() is
// called, once; what comes after it is ignored and logged. Dropped unanswered: 500; dropped unfinished: the
// connection is closed, so that the client can tell.
class Stream {
 public:
  virtual ~Stream() = default;
  virtual void respond(Response response) = 0;
  // An error in the words of Options.error_body; plain text without.
  virtual void refuse(int status, std::string reason, Headers headers = {});
  // Head now, then write()s, then finish(): chunked, or as long as a content-length among the headers says.
  // write returns false once the client is gone.
  virtual void start(int status, Headers headers) = 0;
  virtual bool write(std::string bytes) = 0;
  virtual void finish() = 0;
  virtual bool closed() const = 0;
  // Called once, on a loop thread, if the client goes away before the answer is finished; at once if it has
  // gone already. A client that only closes its sending side has not: it waits for its answer.
  virtual void on_close(std::function<void()> gone) = 0;
};
using StreamPtr = std::shared_ptr<Stream>;
using Handler = std::function<void(Request, StreamPtr)>;

// One server-sent event; `event` may be empty. Newlines in data become further data lines.
std::string sse(std::string_view data, std::string_view event = {});

}  // namespace autark::http
