// Finds the first of some strings in a text that arrives in pieces, and says what may be shown meanwhile: all
// but the longest end of the text that may still become one of them. The first to be complete wins; of those
// complete at the same byte the longest. However the text is cut, what comes out is the same.
#pragma once
#include <string>
#include <string_view>
#include <vector>

namespace autark::text {

class StopStrings {
 public:
  explicit StopStrings(std::vector<std::string> stops, bool include_stop = false);  // empty ones are ignored

  // What may be shown after `piece`. Once found() is set nothing follows.
  std::string push(std::string_view piece);
  std::string flush();  // the text has ended: what was held back
  bool found() const { return !found_.empty(); }
  const std::string& which() const { return found_; }

 private:
  struct Pattern {
    std::string text;
    std::vector<size_t> fall;  // KMP: longest proper border of each prefix
    size_t matched = 0;        // bytes of it that the text ends with
  };
  static void advance(Pattern& p, char c);

  std::vector<Pattern> patterns_;
  std::string held_, found_;
  bool include_stop_;
};

}  // namespace autark::text
