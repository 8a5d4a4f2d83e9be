// Encrypts texts that clients keep for the server, such as reasoning: AES-256-GCM with a random nonce. Only a
// server with the same key can read them; a text that was changed, or sealed by another key, is not read.
// Thread-safe.
//
// The key file has one line per key, newest first: the second since 1970 at which it was made, and 64
// hexadecimal digits. A key seals for 90 days; it opens for 30 days more. The program that runs calls rotate()
// from time to time.
#pragma once
#include <cstdint>
#include <filesystem>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>
#include "base/result.h"

namespace autark::serve {

class Seal {
 public:
  // Reads or makes the key file, mode 0600, and rotates. A file that cannot be read as keys is an Error.
  static Result<Seal> from_file(const std::filesystem::path& file, int64_t now);
  // A key that ends with the process.
  static Seal random(int64_t now);

  // Replaces a key that has sealed long enough, drops those that no longer open, and writes the file if a key
  // was replaced. If it cannot be written the keys stay as they are.
  std::optional<Error> rotate(int64_t now);
  std::string seal(const std::string& text) const;                   // letters, digits, - and _
  std::optional<std::string> open(const std::string& sealed) const;  // empty if no key opens it

 private:
  struct Key {
    int64_t made = 0;
    std::string bytes;
  };
  Seal(std::filesystem::path file, std::vector<Key> keys) : file_(std::move(file)), keys_(std::move(keys)) {}
  static Key new_key(int64_t now);
  std::vector<Key> keys() const;

  std::filesystem::path file_;  // empty: the keys are in memory only
  std::unique_ptr<std::mutex> mutex_ = std::make_unique<std::mutex>();
  std::vector<Key> keys_;  // newest first; at least one once rotate() has succeeded
};

}  // namespace autark::serve
