#include "http/tls_testing.h"
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <csignal>
#include <cstdlib>
#include <fstream>

namespace autark::http {
namespace {

std::string taken(BIO* text) {
  char* bytes = nullptr;
  const long n = BIO_get_mem_data(text, &bytes);
  std::string out(bytes, size_t(n));
  BIO_free(text);
  return out;
}

std::string signed_by_itself(EVP_PKEY* key_pair, int serial) {
  X509* const x = X509_new();
  X509_set_version(x, 2);
  ASN1_INTEGER_set(X509_get_serialNumber(x), serial);
  X509_gmtime_adj(X509_getm_notBefore(x), -60);
  X509_gmtime_adj(X509_getm_notAfter(x), 86'400);
  X509_NAME* const name = X509_get_subject_name(x);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, reinterpret_cast<const uint8_t*>("localhost"), -1, -1,
                             0);
  X509_set_issuer_name(x, name);
  X509_set_pubkey(x, key_pair);
  X509_sign(x, key_pair, EVP_sha256());
  BIO* const text = BIO_new(BIO_s_mem());
  PEM_write_bio_X509(text, x);
  X509_free(x);
  return taken(text);
}

}  // namespace

CertificateFolder::CertificateFolder() {
  std::string path = (std::filesystem::temp_directory_path() / "autark_tls_XXXXXX").string();
  folder_ = ::mkdtemp(path.data());
}

CertificateFolder::~CertificateFolder() {
  std::filesystem::remove_all(folder_);
}

std::string CertificateFolder::certificate() const {
  return folder_ / "cert.pem";
}
std::string CertificateFolder::key() const {
  return folder_ / "key.pem";
}

void CertificateFolder::write(const std::string& path, const std::string& text) {
  std::ofstream(path + ".new") << text;
  std::filesystem::rename(path + ".new", path);
}

void CertificateFolder::make(int serial, const char* password) const {
  EVP_PKEY* const key_pair = EVP_EC_gen("P-256");
  write(certificate(), signed_by_itself(key_pair, serial));
  BIO* const text = BIO_new(BIO_s_mem());
  PEM_write_bio_PrivateKey(text, key_pair, password ? EVP_aes_128_cbc() : nullptr, nullptr, 0, nullptr,
                           const_cast<char*>(password));
  write(key(), taken(text));
  EVP_PKEY_free(key_pair);
}

TlsSocket::TlsSocket(uint16_t port, int version) : raw_(port), context_(SSL_CTX_new(TLS_client_method())) {
  std::signal(SIGPIPE, SIG_IGN);
  SSL_CTX_set_security_level(context_, 0);  // so that it offers versions that nobody should
  SSL_CTX_set_min_proto_version(context_, version);
  SSL_CTX_set_max_proto_version(context_, version);
  session_ = SSL_new(context_);
  SSL_set_fd(session_, raw_.fd());
  connected_ = SSL_connect(session_) == 1;
}

TlsSocket::~TlsSocket() {
  SSL_free(session_);
  SSL_CTX_free(context_);
}

void TlsSocket::close() {
  raw_.close();
}
void TlsSocket::reset() {
  raw_.reset();
}
void TlsSocket::end_sending() {
  SSL_shutdown(session_);
}
bool TlsSocket::send(std::string_view bytes) {
  return bytes.empty() || SSL_write(session_, bytes.data(), int(bytes.size())) == int(bytes.size());
}

std::string TlsSocket::read_until(std::string_view end) {
  std::string text;
  char piece[4096];
  while (end.empty() || text.find(end) == text.npos) {
    const int n = SSL_read(session_, piece, end.empty() ? sizeof piece : 1);
    if (n <= 0) break;
    text.append(piece, size_t(n));
  }
  return text;
}

std::string TlsSocket::read_all() {
  return read_until("");
}
bool TlsSocket::was_ended() const {
  return SSL_get_shutdown(session_) & SSL_RECEIVED_SHUTDOWN;
}

long TlsSocket::serial() const {
  X509* const x = SSL_get1_peer_certificate(session_);
  const long serial = ASN1_INTEGER_get(X509_get_serialNumber(x));
  X509_free(x);
  return serial;
}

}  // namespace autark::http
