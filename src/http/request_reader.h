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

  // Whether the body of a request with this method and path is passed on in pieces.
  using Uploads = std::function<bool(std::string_view method, std::string_view path)>;

  explicit RequestReader(const Limits& limits, Uploads uploads = {});
  ~RequestReader();

  // Consumes bytes from the front and returns how many. The caller passes the rest again, with more after it. Of an
  // upload it consumes the head first, and the body with later calls.
  size_t put(std::string_view bytes);
  Stage stage() const { return stage_; }
  // True once if the client waits for "100 Continue" before it sends the body.
  bool wants_continue();
  const Refusal& refusal() const { return refusal_; }  // REQUIRES: stage() == refused
  bool is_head_read() const { return stage_ != Stage::idle && stage_ != Stage::head; }
  std::string path() const;                      // empty until it is read
  std::string origin() const;                    // the Origin header; empty until it is read
  Form form() const;                             // of the answer; at any stage
  bool is_upload() const { return is_upload_; }  // false until the head is read
  // The request without its body. REQUIRES: is_head_read().
  Request head() const;
  // The bytes of an upload's body that were consumed since the last call.
  std::string take_piece();
  // Returns the request and makes the reader idle. REQUIRES: stage() == complete.
  Request take();

 private:
  struct Parser;
  size_t begin(std::string_view bytes);
  void check_head();
  size_t body_limit() const { return is_upload_ ? limits_.upload_bytes : limits_.body_bytes; }
  bool asks_to_upload() const;
  bool has_bare_line_feed(std::string_view head);
  void refuse(int status, std::string reason);

  const Limits limits_;
  const Uploads uploads_;
  std::unique_ptr<Parser> parser_;
  Stage stage_ = Stage::idle;
  size_t head_bytes_ = 0;
  size_t checked_bytes_ = 0;  // bytes of the head that are checked for line feeds and not yet consumed
  bool wants_continue_ = false, is_upload_ = false;
  Refusal refusal_;
};

}  // namespace autark::http
