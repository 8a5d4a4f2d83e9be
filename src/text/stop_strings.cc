#include "text/stop_strings.h"
#include <algorithm>
#include <utility>

namespace autark::text {

// Builds the table of borders of each pattern (Knuth–Morris–Pratt).
StopStrings::StopStrings(std::vector<std::string> stops, bool include_stop) : include_stop_(include_stop) {
  for (std::string& s : stops) {
    if (s.empty()) continue;
    Pattern p{.text = std::move(s), .fall = {0}};
    p.fall.resize(p.text.size());
    for (size_t i = 1, n = 0; i < p.text.size(); ++i) {
      while (n > 0 && p.text[i] != p.text[n]) n = p.fall[n - 1];
      if (p.text[i] == p.text[n]) ++n;
      p.fall[i] = n;
    }
    patterns_.push_back(std::move(p));
  }
}

void StopStrings::advance(Pattern& p, char c) {
  while (p.matched > 0 && p.text[p.matched] != c) p.matched = p.fall[p.matched - 1];
  if (p.text[p.matched] == c) ++p.matched;
}

// Between calls, held_ is the longest suffix of the text that is a prefix of a pattern.
std::string StopStrings::push(std::string_view piece) {
  if (found()) return {};
  for (char c : piece) {
    held_.push_back(c);
    for (Pattern& p : patterns_) {
      advance(p, c);
      if (p.matched == p.text.size() && p.text.size() > found_.size()) found_ = p.text;
    }
    if (!found()) continue;
    if (!include_stop_) held_.resize(held_.size() - found_.size());
    return std::exchange(held_, {});
  }
  size_t keep = 0;
  for (const Pattern& p : patterns_) keep = std::max(keep, p.matched);
  std::string out = held_.substr(0, held_.size() - keep);
  held_.erase(0, out.size());
  return out;
}

std::string StopStrings::flush() {
  return std::exchange(held_, {});
}

}  // namespace autark::text
