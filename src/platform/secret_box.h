// Seals small secrets that the database keeps, such as those of TOTP: AES-256-GCM with a random nonce, and with the name of
// what it belongs to, so that no sealed text can be moved to another row. The key is in a file beside platform.toml.
#pragma once
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include "base/result.h"

namespace autark::platform {

class SecretBox {
 public:
  // Writes a new key file, 0600. An Error if there is one.
  static std::optional<Error> make(const std::filesystem::path& file);
  // Reads it. An Error if others may read the file, or if it is no key.
  static Result<SecretBox> open(const std::filesystem::path& file);
  // A key that ends with the process.
  static SecretBox random();

  std::string seal(const std::string& secret, const std::string& owner) const;  // letters, digits, - and _
  // Unset if it was sealed with another key or for another owner, or was changed.
  std::optional<std::string> open(const std::string& sealed, const std::string& owner) const;

 private:
  struct Key;  // in memory that core dumps leave out
  explicit SecretBox(std::shared_ptr<const Key> key) : key_(std::move(key)) {}
  std::shared_ptr<const Key> key_;
};

}  // namespace autark::platform
