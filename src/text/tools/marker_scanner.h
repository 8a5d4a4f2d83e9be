// Finds markers in text that arrives byte by byte. A byte is released as soon as it cannot be part of a
// marker. Holds back at most the length of a marker. Private to text/.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace autark::text {

class MarkerScanner {
 public:
  // Returns the index of the marker that ends with this byte, or -1. `out` gets the bytes that belong to no
  // marker. REQUIRES: no marker is a prefix of another one.
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
  bool waits() const { return !waiting_.empty(); }
  // Returns the bytes that are held back, at the end of the text.
  std::string take() { return std::exchange(waiting_, {}); }

 private:
  std::string waiting_;
};

}  // namespace autark::text
