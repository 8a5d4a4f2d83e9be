// Which ranges of memory are mapped files, so that a file that ends before its mapping does not end the
// process: a page that cannot be read (SIGBUS) becomes zeros, as do all behind it, and the range is marked.
// Whoever computes on a mapping asks marked() before it believes its results. Other faults go to the handler
// that was there before.
#pragma once
#include <atomic>
#include <cstddef>
#include <span>

namespace autark {

class MappingGuard {
 public:
  MappingGuard() = default;
  explicit MappingGuard(std::span<const std::byte> mapped);  // page-aligned; installs the handler
  MappingGuard(MappingGuard&& other) noexcept;
  MappingGuard& operator=(MappingGuard&& other) noexcept;
  ~MappingGuard();  // before the range is unmapped

  // Was a page of it missing? What read it read zeros, from that moment on.
  bool marked() const;

  struct Range;  // one entry of the list that the handler walks

 private:
  Range* range_ = nullptr;
};

}  // namespace autark
