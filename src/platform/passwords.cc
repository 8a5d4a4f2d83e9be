#include "platform/passwords.h"
#include <argon2.h>
#include <algorithm>
#include <condition_variable>
#include <mutex>
#include "base/sealed_bytes.h"
#include "platform/secrets.h"

namespace autark::platform {
namespace {

constexpr uint32_t kPasses = 3, kKibibytes = 64 * 1024, kLanes = 1;
constexpr size_t kHashBytes = 32, kSaltBytes = 16, kPasswordMin = 12, kPasswordMax = 1024;
constexpr int kAtOnce = 2, kWaitingMax = 16;

// Turns of those who hash: each needs 64 MiB.
class Turns {
 public:
  bool take() {
    std::unique_lock lock(mutex_);
    if (running_ >= kAtOnce && waiting_ >= kWaitingMax) return false;
    ++waiting_;
    free_.wait(lock, [&] { return running_ < kAtOnce; });
    --waiting_, ++running_;
    return true;
  }
  void give() {
    {
      const std::lock_guard lock(mutex_);
      --running_;
    }
    free_.notify_one();
  }

 private:
  std::mutex mutex_;
  std::condition_variable free_;
  int running_ = 0, waiting_ = 0;
};

Turns& turns() {
  static Turns all;
  return all;
}

api::ApiError too_many() {
  return {.kind = api::ApiError::Kind::rate_limited,
          .message = "too many passwords are being checked",
          .retry_seconds = 5};
}

api::ApiError no_memory() {
  return {.kind = api::ApiError::Kind::unavailable, .message = "there is no memory to check a password now"};
}

// A hash of no password, which costs as much to compare.
const std::string& nobody() {
  static const std::string encoded =
      "$argon2id$v=19$m=65536,t=3,p=1$" + std::string(22, 'A') + "$" + std::string(43, 'A');
  return encoded;
}

}  // namespace

std::optional<std::string> password_fault(const std::string& password) {
  const auto characters = std::ranges::count_if(password, [](char c) { return (uint8_t(c) & 0xc0) != 0x80; });
  if (characters < int64_t(kPasswordMin)) return "a password has at least 12 characters";
  if (password.size() > kPasswordMax) return "a password has at most 1024 bytes";
  return {};
}

api::ApiResult<std::string> hash_password(const std::string& password) {
  if (!turns().take()) return too_many();
  const std::string salt = random_bytes(kSaltBytes);
  std::string encoded(argon2_encodedlen(kPasses, kKibibytes, kLanes, kSaltBytes, kHashBytes, Argon2_id),
                      '\0');
  const int code =
      argon2id_hash_encoded(kPasses, kKibibytes, kLanes, password.data(), password.size(), salt.data(),
                            salt.size(), kHashBytes, encoded.data(), encoded.size());
  turns().give();
  if (code != ARGON2_OK) return no_memory();
  encoded.resize(encoded.find('\0'));
  return encoded;
}

api::ApiResult<bool> is_password(const std::string& encoded, const std::string& password) {
  if (password.size() > kPasswordMax) return false;
  if (!turns().take()) return too_many();
  const std::string& known = encoded.empty() ? nobody() : encoded;
  const int code = argon2id_verify(known.c_str(), password.data(), password.size());
  turns().give();
  if (code == ARGON2_MEMORY_ALLOCATION_ERROR) return no_memory();
  return code == ARGON2_OK && !encoded.empty();
}

}  // namespace autark::platform
