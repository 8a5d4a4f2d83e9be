// Rules for values on the command line. A value that breaks a rule ends the command with one sentence, such
// as "--drafts: must be a whole number from 0 to 8, not 9". Long values are cut in it.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace autark::apps {

inline constexpr int64_t kTokensMax = int64_t{1} << 40;  // more than any context

// Which values an option takes.
struct ValueRule {
  std::string values;  // for --help: "0 to 8"
  std::function<std::string(const std::string& value)>
      broken;  // the error text; empty if the value is allowed
};

ValueRule whole_number(int64_t least, int64_t most);      // an integer in [least, most]
ValueRule number(double least, double most);              // a number in [least, most]
ValueRule one_of(const std::vector<std::string>& names);  // one of the names

}  // namespace autark::apps
