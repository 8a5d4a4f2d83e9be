// Bytes as letters and digits, as in RFC 4648.
#pragma once
#include <optional>
#include <string>
#include <string_view>

namespace autark {

// Two digits of 0-9 and a-f for each byte. Reading takes no other digits; empty for half a byte.
std::string hex(std::string_view bytes);
std::optional<std::string> from_hex(std::string_view text);

// With the letters for URLs, without padding.
std::string base64url(std::string_view bytes);
std::optional<std::string> from_base64url(std::string_view text);

// Capital letters without padding; reading takes small letters, spaces and padding, too.
std::string base32(std::string_view bytes);
std::optional<std::string> from_base32(std::string_view text);

}  // namespace autark
