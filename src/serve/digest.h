// SHA-256 of a text.
#pragma once
#include <string>
#include <string_view>

namespace autark::serve {

// 32 bytes.
std::string digest(std::string_view text);

}  // namespace autark::serve
