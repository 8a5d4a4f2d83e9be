// Pages of mapped files. Whether a file has pages of 2 MiB depends on the kernel, on the file system and on how
// its pages came into memory; the kernel is asked about each range.
#pragma once
#include <cstddef>
#include <span>

namespace autark {

// Asks the kernel to read a mapping in 2 MiB pages where the file system can. `mapped` begins at a page.
void ask_for_large_pages(std::span<const std::byte> mapped);

// True if three quarters of a range whose pages were all touched lie in 2 MiB pages. False where the kernel
// cannot say (before Linux 6.7).
bool lies_in_large_pages(std::span<const std::byte> range);

// Removes the pages that lie wholly in `part` of a mapped file from this process's memory. They stay readable:
// the next access reads them from the file again.
void forget_pages(std::span<const std::byte> part);

// True if memory that asks for 2 MiB pages gets them on this system.
bool memory_has_large_pages();

}  // namespace autark
