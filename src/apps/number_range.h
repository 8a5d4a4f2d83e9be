// What a number on the command line may be. Where it is something else, whatever its length, the command ends
// with one sentence: "--drafts: must be a whole number from 0 to 8, not 9".
#pragma once
#include <CLI/CLI.hpp>
#include <cstdint>

namespace autark::apps {

inline constexpr int64_t kTokensMax = int64_t{1} << 40;  // more than any context

CLI::Validator whole_number(int64_t least, int64_t most);
CLI::Validator number(double least, double most);

}  // namespace autark::apps
