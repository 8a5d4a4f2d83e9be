// Kinds of characters that the readers of calls share. Private to text/.
#pragma once
#include <string_view>

namespace autark::text {

inline constexpr std::string_view kSpace = " \t\r\n";

inline bool is_one_of(char c, std::string_view set) {
  return set.find(c) != set.npos;
}
// Whether there is nothing but space.
inline bool is_blank(std::string_view text) {
  return text.find_first_not_of(kSpace) == text.npos;
}

}  // namespace autark::text
