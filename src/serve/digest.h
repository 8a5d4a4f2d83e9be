// SHA-256 of a text.
#pragma once
#include <string>
#include <string_view>

namespace autark::serve {

// 32 bytes.
std::string digest(std::string_view text);
// Two digits of 0-9 and a-f for each byte.
std::string hex(std::string_view bytes);

}  // namespace autark::serve
