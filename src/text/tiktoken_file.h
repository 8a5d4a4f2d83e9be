// The tokens of a tiktoken file: lines of a token in base64, a space and its rank. Private to text/.
#pragma once
#include <string>
#include <string_view>
#include <vector>
#include "base/result.h"

namespace autark::text {

// How a family reads its file.
enum class TiktokenRanks : uint8_t {
  written,  // the ranks are 0, 1, 2, … in any order, and no token is there twice
  by_line   // the ranks are not read: lines are counted, and a token's second line is skipped
};

// The tokens by rank; any bytes, none empty. Code::invalid names the line or rank at fault.
Result<std::vector<std::string>> read_tiktoken(std::string_view text, TiktokenRanks ranks);

}  // namespace autark::text
