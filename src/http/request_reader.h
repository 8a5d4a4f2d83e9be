// Bytes to requests: Beast's HTTP/1.1 parser under our limits, with the rules it leaves to its user (Host,
// framing, targets, Expect). No sockets and no clock: the connection feeds it, and so does the fuzzer. One
// thread.
#pragma once
#include <optional>
#include "http/message.h"

namespace autark::http {

class RequestReader {
 public:
  enum class Stage { idle, head, body, complete, refused };
  struct Refusal {
    int status = 400;
    std::string reason;
  };

  explicit RequestReader(const Limits& limits);
  ~RequestReader();

  // Eats from the front of `bytes` and returns how many; the rest is shown again with more behind it.
  size_t put(std::string_view bytes);
  Stage stage() const { return stage_; }
  bool wants_continue();  // true once: the client waits for "100 Continue" before it sends the body
  const Refusal& refusal() const { return refusal_; }  // REQUIRES: stage() == refused
  bool is_head_read() const { return stage_ != Stage::idle && stage_ != Stage::head; }
  std::string path() const;    // empty when not read
  std::string origin() const;  // the header of this name; empty when not read
  Form form() const;           // of the answer; any stage
  Request take();              // REQUIRES: stage() == complete; afterwards idle, ready for the next
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
  size_t checked_bytes_ = 0;  // of the head: looked at, not yet eaten
  bool wants_continue_ = false;
  Refusal refusal_;
};

}  // namespace autark::http
