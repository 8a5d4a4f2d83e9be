// Finds the first of several strings in a text that arrives in pieces, and returns the text that can be shown
// meanwhile: all except the longest suffix that may still become one of the strings. The string that is
// complete first wins; of several that end at the same byte, the longest. The output does not depend on the
// cuts. Time is O(bytes × strings) (Knuth–Morris–Pratt).
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace autark::text {

class StopStrings {
 public:
  // Empty strings are ignored. `include_stop`: show the string that was found.
  explicit StopStrings(std::vector<std::string> stops, bool include_stop = false);

  // Reads a piece and returns what can be shown now. After a string was found, further text is ignored.
  std::string push(std::string_view piece);
  std::string flush();  // call at the end of the text; returns what was held back
  bool found() const { return !found_.empty(); }
  const std::string& which() const { return found_; }  // the string that was found, or empty

 private:
  struct Pattern {
    std::string text;
    std::vector<size_t> fall;  // length of the longest proper border of each prefix
    size_t matched = 0;        // length of the longest prefix that the text ends with
  };
  static void advance(Pattern& p, char c);

  std::vector<Pattern> patterns_;
  std::string held_, found_;
  bool include_stop_;
};

}  // namespace autark::text
