// TLS of one connection, as a function of bytes: what the client sent goes in, what is to be sent to it comes
// out. It has no socket. Not thread-safe.
#pragma once
#include <memory>
#include <string>
#include <string_view>

struct ssl_ctx_st;  // OpenSSL's
struct ssl_st;

namespace autark::http {

class TlsSession {
 public:
  explicit TlsSession(ssl_ctx_st& pair);  // see TlsPair::current()
  ~TlsSession();
  TlsSession(const TlsSession&) = delete;

  // Takes bytes from the client and appends the text that they carry to `text`. False if they are not valid:
  // the session is over then, and has at most an alert to send.
  bool put(std::string_view bytes, std::string& text);
  // Replaces `bytes` by what is to be sent for them, after what the session itself has to send. False if
  // nothing can be sent: the handshake is not complete, or end() was called.
  bool seal(std::string& bytes);
  // Whether the session itself has something to send: parts of the handshake, an alert.
  bool has_output() const;
  // Tells the client that nothing follows, with the next seal(). False if it was told before, or cannot be.
  bool end();
  bool is_ready() const;  // the handshake is complete
  bool is_over() const;   // the client has said that it sends no more
  bool is_plain_http() const {
    return plain_http_;
  }  // put() failed because the client speaks HTTP without TLS

 private:
  void take_output(std::string& out);

  struct Free {
    void operator()(ssl_st* session) const;
  };
  std::unique_ptr<ssl_st, Free> session_;
  bool plain_http_ = false;
};

}  // namespace autark::http
