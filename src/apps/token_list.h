// Token ids as people type them: integers separated by commas or white space.
#pragma once
#include <cstdint>
#include <string_view>
#include <vector>
#include "base/result.h"

namespace autark::apps {

// `what` names the text in the error: "--tokens". An empty text is an empty list.
Result<std::vector<int64_t>> parse_integers(std::string_view text, std::string_view what);
Result<std::vector<int32_t>> parse_tokens(std::string_view text, std::string_view what);

}  // namespace autark::apps
