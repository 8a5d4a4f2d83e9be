// Registers mapped files with the SIGBUS handler. If a file is shorter than its mapping, an access behind its
// end does not end the process: the handler maps zeros from that page to the end of the range and marks the
// range. Check marked() after computing on a mapping and before using the result. Other faults go to the
// handler that was installed before.
#pragma once
#include <atomic>
#include <cstddef>
#include <span>

namespace autark {

class MappingGuard {
 public:
  MappingGuard() = default;
  explicit MappingGuard(std::span<const std::byte> mapped);  // page-aligned; first use installs the handler
  MappingGuard(MappingGuard&& other) noexcept;
  MappingGuard& operator=(MappingGuard&& other) noexcept;
  // REQUIRES: the range is still mapped.
  ~MappingGuard();

  // True if a page was missing. Reads of that page and of later ones gave zeros from then on.
  bool marked() const;

  struct Range;  // one entry of the handler's list

 private:
  Range* range_ = nullptr;
};

}  // namespace autark
