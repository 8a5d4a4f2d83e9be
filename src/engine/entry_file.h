// The file of one entry of the disk tier: a header, then the bytes of a page or of a copy of rings.
//
//   0  "autarkp1"      8  key of the program (32)      40  name (32)      72  kind (4), zero (4)
//  80  bytes (8)      88  ahead (8)                    96  sum of the bytes (16)    112  sum of the header (8)
//
// Numbers are little-endian. A file is believed only if it has the expected key, name, kind and size and
// both sums are right, so a file that was damaged, cut or renamed is none.
#pragma once
#include <cstddef>
#include <vector>
#include "base/result.h"
#include "engine/entry_name.h"

namespace autark::engine {

inline constexpr int64_t kEntryHeaderBytes = 120;

struct Entry {
  EntryId id;
  int64_t ahead = 0;             // of a copy: Snapshot::ahead()
  std::vector<std::byte> bytes;  // of the page or of the rings
};

std::array<std::byte, kEntryHeaderBytes> header_of(const Entry& e, const Sha256& program);

// What a whole file says. `bytes` points into it.
struct EntryView {
  int64_t ahead = 0;
  std::span<const std::byte> bytes;
};
// Code::invalid if the file is not exactly the entry `id` of this program with so many bytes.
Result<EntryView> parse_entry(std::span<const std::byte> file, const Sha256& program, const EntryId& id,
                              int64_t bytes);

}  // namespace autark::engine
