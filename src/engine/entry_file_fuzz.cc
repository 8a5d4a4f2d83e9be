// Any bytes as a file of the disk tier are refused, or are an entry whose bytes lie in the file and which is
// written to the same file again.
//
// Input: one byte of choices, then the file. By choice the magic number, the expected fields and the sums are
// made right, so that bytes get behind the checks of them.
#include <algorithm>
#include <cstring>
#include <string>
#include <vector>
#include "base/check.h"
#include "engine/entry_file.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace {

using namespace autark::engine;

constexpr size_t kHeader = kEntryHeaderBytes;
enum Choice : uint8_t { kRightFields = 1, kRightBytes = 2, kRightSum = 4, kCopy = 8 };

void put(std::vector<std::byte>& file, size_t at, uint64_t value) {
  std::memcpy(file.data() + at, &value, sizeof value);
}

void make_right(std::vector<std::byte>& file, uint8_t choice, const Sha256& program, const EntryId& id) {
  if (file.size() < kHeader) return;
  if (choice & kRightFields) {
    std::memcpy(file.data(), "autarkp1", 8);
    std::memcpy(file.data() + 8, program.data(), 32);
    std::memcpy(file.data() + 40, id.name.data(), 32);
    put(file, 72, uint64_t(id.kind));
    put(file, 80, file.size() - kHeader);
  }
  const XXH128_hash_t sum = XXH3_128bits(file.data() + kHeader, file.size() - kHeader);
  if (choice & kRightBytes) put(file, 96, sum.low64), put(file, 104, sum.high64);
  if (choice & kRightSum) put(file, 112, XXH3_64bits(file.data(), 112));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  if (size < 1) return 0;
  const Sha256 program = sha256_of("program");
  const EntryId id{sha256_of("name"), bytes[0] & kCopy ? EntryKind::copy : EntryKind::page};
  const auto* from = reinterpret_cast<const std::byte*>(bytes + 1);
  std::vector<std::byte> file(from, from + size - 1);
  make_right(file, bytes[0], program, id);
  const auto expected = int64_t(std::max(file.size(), kHeader) - kHeader);
  AUTARK_CHECK(!parse_entry(file, program, id, expected + 1));
  AUTARK_CHECK(!parse_entry(file, sha256_of("another"), id, expected));
  const auto entry = parse_entry(file, program, id, expected);
  if (!entry) return 0;
  AUTARK_CHECK(entry->bytes.data() == file.data() + kHeader && entry->bytes.size() == size_t(expected));
  const auto header = header_of({id, entry->ahead, {entry->bytes.begin(), entry->bytes.end()}}, program);
  AUTARK_CHECK(std::equal(header.begin(), header.end(), file.begin()));
  return 0;
}
