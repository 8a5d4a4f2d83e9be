// For tests: makes certificates, and a blocking client socket that speaks TLS.
#pragma once
#include <openssl/ssl.h>
#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include "http/raw_socket.h"

namespace autark::http {

// A folder with cert.pem and key.pem, which is removed at the end.
class CertificateFolder {
 public:
  CertificateFolder();
  ~CertificateFolder();
  CertificateFolder(const CertificateFolder&) = delete;

  std::string certificate() const;
  std::string key() const;
  // Replaces `path` as a whole, as programs that renew certificates do.
  static void write(const std::string& path, const std::string& text);
  // A new key and a certificate of its own for it, with this serial number. A password encrypts the key's file.
  void make(int serial, const char* password = nullptr) const;

 private:
  std::filesystem::path folder_;
};

// As RawSocket, over TLS. Any certificate is trusted.
class TlsSocket {
 public:
  explicit TlsSocket(uint16_t port, int version = TLS1_3_VERSION);
  ~TlsSocket();
  TlsSocket(const TlsSocket&) = delete;

  bool connected() const { return connected_; }
  void close();  // without a word
  void reset();
  void end_sending();
  bool send(std::string_view bytes);
  std::string read_until(std::string_view end);
  std::string read_all();
  // Whether the server said that nothing follows.
  bool was_ended() const;
  // The serial number of the server's certificate.
  long serial() const;

 private:
  RawSocket raw_;
  SSL_CTX* context_;
  SSL* session_ = nullptr;
  bool connected_ = false;
};

}  // namespace autark::http
