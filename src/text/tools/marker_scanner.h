// Finds markers in text that comes byte by byte: a byte is let go as soon as no marker can begin with it. The
// state is at most one marker long. Private to text/.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace autark::text {

class MarkerScanner {
 public:
  // Which marker ends with this byte, or -1. `out` gets the bytes before it that belong to none. No marker
  // may begin another one.
  int push(char c, std::span<const std::string_view> markers, std::string& out) {
    waiting_ += c;
    while (!waiting_.empty()) {
      bool may_become = false;
      for (size_t i = 0; i < markers.size(); ++i) {
        if (!markers[i].starts_with(waiting_)) continue;
        if (markers[i].size() == waiting_.size()) return waiting_.clear(), static_cast<int>(i);
        may_become = true;
      }
      if (may_become) return -1;
      out += waiting_.front();
      waiting_.erase(0, 1);
    }
    return -1;
  }
  // What waits, when no more comes.
  std::string take() { return std::exchange(waiting_, {}); }

 private:
  std::string waiting_;
};

}  // namespace autark::text
