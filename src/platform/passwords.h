// Passwords: Argon2id in its encoded form, which has the parameters (64 MiB, 3 passes, 1 lane). At most two are computed
// at once in this process, and at most 16 wait; more are refused as rate_limited. All functions may be called from any
// thread; hashing takes a quarter of a second.
#pragma once
#include <optional>
#include <string>
#include "api/item.h"

namespace autark::platform {

// Why it cannot be a password: shorter than 12 characters or longer than 1024 bytes.
std::optional<std::string> password_fault(const std::string& password);
// "$argon2id$v=19$m=65536,t=3,p=1$…"
api::ApiResult<std::string> hash_password(const std::string& password);
// `encoded` empty: no such member; false after the same time.
api::ApiResult<bool> is_password(const std::string& encoded, const std::string& password);

}  // namespace autark::platform
