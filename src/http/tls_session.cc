#include "http/tls_session.h"
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <algorithm>
#include "base/check.h"

namespace autark::http {
namespace {

constexpr size_t kRecordBytes = 16 << 10;  // the most that one record of TLS carries

}  // namespace

void TlsSession::Free::operator()(ssl_st* session) const {
  SSL_free(session);
}

TlsSession::TlsSession(ssl_ctx_st& pair) : session_(SSL_new(&pair)) {
  BIO *from = BIO_new(BIO_s_mem()), *to = BIO_new(BIO_s_mem());
  AUTARK_CHECK(session_ && from && to);
  SSL_set_bio(session_.get(), from, to);
  SSL_set_accept_state(session_.get());
}

TlsSession::~TlsSession() = default;

bool TlsSession::put(std::string_view bytes, std::string& text) {
  ERR_clear_error();
  if (BIO_write(SSL_get_rbio(session_.get()), bytes.data(), int(bytes.size())) != int(bytes.size()))
    return false;
  char piece[kRecordBytes];
  for (size_t n = 0; SSL_read_ex(session_.get(), piece, sizeof piece, &n);) {
    text.append(piece, n);
    OPENSSL_cleanse(piece, n);
  }
  const int state = SSL_get_error(session_.get(), 0);
  if (state == SSL_ERROR_WANT_READ || state == SSL_ERROR_ZERO_RETURN) return true;
  plain_http_ = ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
  ERR_clear_error();
  return false;
}

// Record by record: OpenSSL's buffer keeps the size that it once had.
bool TlsSession::seal(std::string& bytes) {
  std::string out;
  take_output(out);
  for (size_t at = 0; at < bytes.size();) {
    ERR_clear_error();
    size_t n = std::min(bytes.size() - at, kRecordBytes);
    if (!SSL_write_ex(session_.get(), bytes.data() + at, n, &n)) return false;
    at += n;
    take_output(out);
  }
  bytes = std::move(out);
  return true;
}

void TlsSession::take_output(std::string& out) {
  BIO* const to = SSL_get_wbio(session_.get());
  const size_t before = out.size(), n = BIO_ctrl_pending(to);
  out.resize(before + n);
  if (n > 0) BIO_read(to, out.data() + before, int(n));
}

bool TlsSession::has_output() const {
  return BIO_ctrl_pending(SSL_get_wbio(session_.get())) > 0;
}

bool TlsSession::end() {
  if (!is_ready() || (SSL_get_shutdown(session_.get()) & SSL_SENT_SHUTDOWN)) return false;
  ERR_clear_error();
  return SSL_shutdown(session_.get()) >= 0;
}

bool TlsSession::is_ready() const {
  return SSL_is_init_finished(session_.get());
}

bool TlsSession::is_over() const {
  return SSL_get_shutdown(session_.get()) & SSL_RECEIVED_SHUTDOWN;
}

}  // namespace autark::http
