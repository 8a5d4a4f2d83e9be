// Converts bytes that arrive in pieces to valid UTF-8. Private to text/. Not thread-safe.
#pragma once
#include <string>
#include <string_view>

namespace autark::text {

// push() returns the characters that are complete, and U+FFFD for each maximal invalid part. The beginning of
// a character waits for its end (at most 3 bytes); flush() returns U+FFFD for it.
class Utf8Stream {
 public:
  std::string push(std::string_view bytes);
  std::string flush() const { return pending_.empty() ? "" : "\xEF\xBF\xBD"; }

 private:
  std::string pending_;
};

}  // namespace autark::text
