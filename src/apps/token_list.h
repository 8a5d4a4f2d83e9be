// Parses typed token ids: integers separated by commas or white space.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>
#include "base/result.h"

namespace autark::apps {

// `what` is the name of the text in errors, such as "--tokens". An empty text is an empty list.
Result<std::vector<int64_t>> parse_integers(std::string_view text, std::string_view what);
// The same for token ids, which are from 0 to 2³¹ − 1.
Result<std::vector<int32_t>> parse_tokens(std::string_view text, std::string_view what);

}  // namespace autark::apps
