// A server's certificate and its private key, from two PEM files that are read again when they change.
#pragma once
#include <array>
#include <memory>
#include <mutex>
#include "base/result.h"

struct ssl_ctx_st;  // OpenSSL's

namespace autark::http {

class TlsPair {
 public:
  // `certificate` may hold the certificates of its issuers, too, after its own. The Error of files that cannot
  // be used names the file and the way out.
  static Result<std::shared_ptr<TlsPair>> open(std::string certificate, std::string key);
  // What new connections use. Reads the files if they were written or replaced since the last call; if they
  // cannot be used, logs that once and keeps the pair that it has. Thread-safe.
  std::shared_ptr<ssl_ctx_st> current();

 private:
  // Of both files: device, inode, size, and the times of the last write and change. Zeros for a missing file.
  using Stamp = std::array<int64_t, 14>;
  TlsPair(std::string certificate, std::string key)
      : certificate_(std::move(certificate)), key_(std::move(key)) {}
  Stamp stamp() const;

  const std::string certificate_, key_;
  std::mutex mutex_;  // guards what follows
  Stamp seen_{};
  std::shared_ptr<ssl_ctx_st> context_;
};

}  // namespace autark::http
