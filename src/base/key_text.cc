#include "base/key_text.h"
#include <algorithm>
#include <cctype>
#include <cstddef>
#include <string_view>

namespace autark {
namespace {

constexpr std::string_view kKeyBegins = "ak-";
constexpr size_t kShown = 8, kHiddenMin = 8;  // letters before and after the second "-"

// How many letters and digits stand at `at`.
size_t letters(const std::string& line, size_t at) {
  const size_t from = std::min(at, line.size());
  const auto end = std::find_if_not(line.begin() + ptrdiff_t(from), line.end(),
                                    [](unsigned char c) { return std::isalnum(c) != 0; });
  return size_t(end - line.begin()) - from;
}

}  // namespace

std::string without_keys(std::string line) {
  for (size_t at = 0; (at = line.find(kKeyBegins, at)) != line.npos;) {
    at += kKeyBegins.size();
    const size_t dash = at + kShown;
    if (letters(line, at) != kShown || dash >= line.size() || line[dash] != '-') continue;
    if (const size_t count = letters(line, dash + 1); count >= kHiddenMin)
      line.replace(dash + 1, count, "...");
  }
  return line;
}

}  // namespace autark
