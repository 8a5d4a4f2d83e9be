// Random bytes, and bytes that only who has the key can read or change: AES-256-GCM.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace autark {

// From the system's source for keys.
std::string random_bytes(size_t count);

inline constexpr size_t kSealKeyBytes = 32;
// A random nonce of 12 bytes, the encrypted text, a tag of 16 bytes. `label` is not in it, but opening needs the same one.
// REQUIRES: a key of kSealKeyBytes.
std::string sealed_bytes(std::string_view key, std::string_view text, std::string_view label = {});
// Unset if another key or label sealed it, or if it was changed.
std::optional<std::string> opened_bytes(std::string_view key, std::string_view sealed,
                                        std::string_view label = {});

}  // namespace autark
