// Random texts that open something, and what the database keeps of them.
#pragma once
#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace autark::platform {

// `count` letters and digits; each has 5.95 random bits of the system. 43 have 256 bits.
std::string random_letters(size_t count);

using Hash = std::array<uint8_t, 32>;
// SHA-256. Cheap enough for every request.
Hash hash_of(std::string_view secret);
std::string hex(const Hash& hash);
std::optional<Hash> hash_from_hex(std::string_view text);

// "ak-", 8 letters that anybody may see, "-", 43 letters.
std::string new_key_secret();
// "ak-" and the 8 letters of a secret.
std::string prefix_of(const std::string& secret);
// "wsp_" and 24 letters and digits: `kind` is "wsp".
std::string new_id(const std::string& kind);

// The time does not depend on where the texts differ.
bool is_same(std::string_view a, std::string_view b);

}  // namespace autark::platform
