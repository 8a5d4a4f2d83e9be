// What a value on the command line may be. Where it is something else, whatever its length, the command ends
// with one sentence: "--drafts: must be a whole number from 0 to 8, not 9".
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace autark::apps {

inline constexpr int64_t kTokensMax = int64_t{1} << 40;  // more than any context

struct ValueRule {
  std::string values;                                           // as --help shows them: "0 to 8"
  std::function<std::string(const std::string& value)> broken;  // the sentence; empty: the value is allowed
};

ValueRule whole_number(int64_t least, int64_t most);
ValueRule number(double least, double most);
ValueRule one_of(const std::vector<std::string>& names);

}  // namespace autark::apps
