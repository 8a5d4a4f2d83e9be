// Bytes as they arrive → text in whole characters. Private to text/. One stream, one thread.
#pragma once
#include <string>
#include <string_view>

namespace autark::text {

// What can be said for certain of the bytes so far: valid characters, and U+FFFD for each maximal invalid
// part. The beginning of a character that may still become whole stays in `pending` (at most 3 bytes).
class Utf8Stream {
 public:
  std::string push(std::string_view bytes);
  std::string flush() const { return pending_.empty() ? "" : "\xEF\xBF\xBD"; }

 private:
  std::string pending_;
};

}  // namespace autark::text
