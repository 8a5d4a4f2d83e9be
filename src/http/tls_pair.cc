#include "http/tls_pair.h"
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <sys/stat.h>
#include <algorithm>
#include <cerrno>
#include <cstring>
#include "base/log.h"

namespace autark::http {
namespace {

using Context = std::shared_ptr<SSL_CTX>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;
using File = std::unique_ptr<BIO, decltype(&BIO_free)>;

// The reason of the last fault of OpenSSL on this thread, in parentheses.
std::string why() {
  const char* reason = ERR_reason_error_string(ERR_peek_last_error());
  ERR_clear_error();
  return reason ? std::string(" (") + reason + ")" : std::string();
}

Error unreadable(const std::string& path, const char* holds) {
  return {Code::io, path + " cannot be read: " + std::strerror(errno) + "; name a PEM file with " + holds +
                        " that this user may read"};
}

File opened(const std::string& path) {
  errno = 0;
  return {BIO_new_file(path.c_str(), "r"), &BIO_free};
}

Result<Key> read_key(const std::string& path) {
  const File file = opened(path);
  if (!file) return unreadable(path, "the certificate's private key");
  bool encrypted = false;
  const auto no_password =
      +[](char*, int, int, void* asked) { return *static_cast<bool*>(asked) = true, -1; };
  Key key(PEM_read_bio_PrivateKey(file.get(), nullptr, no_password, &encrypted), &EVP_PKEY_free);
  if (key) return Result<Key>(std::move(key));
  const std::string reason = why();
  if (encrypted)
    return Error{Code::invalid,
                 path + " is encrypted; name a copy without a password, made with: openssl pkey -in " + path +
                     " -out FILE"};
  return Error{Code::invalid, path + " holds no private key in PEM form" + reason +
                                  "; name the file that was made with the certificate"};
}

// TLS 1.2 and 1.3, HTTP/1.1. A client that takes only other protocols is turned away.
int choose_protocol(SSL*, const uint8_t** chosen, uint8_t* size, const uint8_t* offered, unsigned bytes,
                    void*) {
  static constexpr uint8_t kOurs[] = "\x08http/1.1";
  uint8_t* match = nullptr;
  if (SSL_select_next_proto(&match, size, kOurs, sizeof kOurs - 1, offered, bytes) != OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *chosen = match;
  return SSL_TLSEXT_ERR_OK;
}

Result<Context> load(const std::string& certificate, const std::string& key_path) {
  const Context context(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free);
  if (!context) return Error{Code::internal, "OpenSSL cannot be set up" + why()};
  if (!opened(certificate)) return unreadable(certificate, "a certificate");
  ERR_clear_error();
  if (SSL_CTX_use_certificate_chain_file(context.get(), certificate.c_str()) != 1)
    return Error{Code::invalid, certificate + " holds no certificate in PEM form that can be used" + why() +
                                    "; name a file with the certificate and those of its issuers"};
  AUTARK_TRY(const Key key, read_key(key_path));
  if (X509_check_private_key(SSL_CTX_get0_certificate(context.get()), key.get()) != 1 ||
      SSL_CTX_use_PrivateKey(context.get(), key.get()) != 1)
    return Error{Code::invalid, key_path + " is not the key of the certificate in " + certificate + why() +
                                    "; name two files that were made together"};
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  SSL_CTX_set_options(context.get(), SSL_OP_NO_RENEGOTIATION | SSL_OP_CLEANSE_PLAINTEXT);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_alpn_select_cb(context.get(), &choose_protocol, nullptr);
  return context;
}

}  // namespace

Result<std::shared_ptr<TlsPair>> TlsPair::open(std::string certificate, std::string key) {
  const std::shared_ptr<TlsPair> pair(new TlsPair(std::move(certificate), std::move(key)));
  pair->seen_ = pair->stamp();
  AUTARK_TRY(pair->context_, load(pair->certificate_, pair->key_));
  return pair;
}

TlsPair::Stamp TlsPair::stamp() const {
  Stamp all{};
  auto at = all.begin();
  for (const std::string* path : {&certificate_, &key_}) {
    struct stat s {};
    if (::stat(path->c_str(), &s)) s = {};
    for (const int64_t part :
         {int64_t(s.st_dev), int64_t(s.st_ino), int64_t(s.st_size), int64_t(s.st_mtim.tv_sec),
          int64_t(s.st_mtim.tv_nsec), int64_t(s.st_ctim.tv_sec), int64_t(s.st_ctim.tv_nsec)})
      *at++ = part;
  }
  return all;
}

std::shared_ptr<ssl_ctx_st> TlsPair::current() {
  const std::lock_guard lock(mutex_);
  const Stamp now = stamp();
  if (now == seen_) return context_;
  seen_ = now;  // before the files are read: a write that comes meanwhile is seen at the next call
  auto renewed = load(certificate_, key_);
  if (renewed)
    context_ = std::move(*renewed);
  else
    log_warning("http: the previous certificate stays in use: " + renewed.error().message);
  return context_;
}

}  // namespace autark::http
