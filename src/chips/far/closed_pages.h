// Pages of memory that fault on every access until they are opened.
#pragma once
#include <cstddef>
#include <cstdint>

namespace autark {

enum class Access : uint8_t { none, read, write };  // write includes reading

class ClosedPages {  // zeroed
 public:
  explicit ClosedPages(int64_t bytes);
  ~ClosedPages();
  ClosedPages(const ClosedPages&) = delete;
  ClosedPages& operator=(const ClosedPages&) = delete;

  std::byte* data() const { return data_; }
  int64_t bytes() const { return bytes_; }
  bool holds(const std::byte* begin, int64_t bytes) const {
    return begin >= data_ && begin + bytes <= data_ + bytes_;
  }
  // Sets the access to all pages that hold some of these bytes. REQUIRES: holds(begin, bytes).
  void allow(Access what, const std::byte* begin, int64_t bytes);
  void allow(Access what) { allow(what, data_, bytes_); }
  void empty();  // frees the memory, keeps the addresses reserved

 private:
  std::byte* data_ = nullptr;
  int64_t bytes_ = 0;
};

}  // namespace autark
