// Parses bytes into requests: Beast's HTTP/1.1 parser with our limits and with the rules that Beast leaves to
// its user (Host, framing, targets, Expect). It uses no sockets and no clock; the connection and the fuzzer
// both feed it. Not thread-safe.
#pragma once
#include <optional>
#include "http/message.h"

namespace autark::http {

class RequestReader {
 public:
  enum class Stage { idle, head, body, complete, refused };
  // Why a request is not accepted.
  struct Refusal {
    int status = 400;  // HTTP
    std::string reason;
  };

  explicit RequestReader(const Limits& limits);
  ~RequestReader();

  // Consumes bytes from the front and returns how many. The caller passes the rest again, with more after it.
  size_t put(std::string_view bytes);
  Stage stage() const { return stage_; }
  // True once if the client waits for "100 Continue" before it sends the body.
  bool wants_continue();
  const Refusal& refusal() const { return refusal_; }  // REQUIRES: stage() == refused
  bool is_head_read() const { return stage_ != Stage::idle && stage_ != Stage::head; }
  std::string path() const;    // empty until it is read
  std::string origin() const;  // the Origin header; empty until it is read
  Form form() const;           // of the answer; at any stage
  // Returns the request and makes the reader idle. REQUIRES: stage() == complete.
  Request take();

 private:
  struct Parser;
  size_t begin(std::string_view bytes);
  void check_head();
  bool has_bare_line_feed(std::string_view head);
  void refuse(int status, std::string reason);

  const Limits limits_;
  std::unique_ptr<Parser> parser_;
  Stage stage_ = Stage::idle;
  size_t head_bytes_ = 0;
  size_t checked_bytes_ = 0;  // bytes of the head that are checked for line feeds and not yet consumed
  bool wants_continue_ = false;
  Refusal refusal_;
};

}  // namespace autark::http
