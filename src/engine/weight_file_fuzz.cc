// Any bytes as a weight cache give an error, or a file whose every form lies in it and has its sum.
//
// Input: one byte of choices, one of pages between header and table, then header and table. By choice the magic
// number, the place of the table and the sums are made right, so that bytes get behind the checks of them.
#include <algorithm>
#include <cstring>
#include <string>
#include <string_view>
#include "base/memory_file.h"
#include "engine/weight_file.h"
#define XXH_INLINE_ALL
#include <xxhash.h>

namespace {

constexpr size_t kPage = 4096, kHeader = 72, kEntry = 40;  // of the format, see weight_file.cc
enum Choice : uint8_t { kRightPlace = 1, kRightSums = 2, kRightForms = 4 };

void put(std::string& file, size_t at, uint64_t value) {
  std::memcpy(file.data() + at, &value, sizeof value);
}
uint64_t number(const std::string& file, size_t at) {
  uint64_t value;
  std::memcpy(&value, file.data() + at, sizeof value);
  return value;
}

// Entries whose forms lie in the file get the sums of these bytes.
void right_forms(std::string& file, size_t table) {
  for (size_t e = table; e + kEntry <= file.size(); e += kEntry) {
    const uint64_t at = number(file, e + 16), bytes = number(file, e + 24);
    if (at <= table && bytes <= table - at) put(file, e + 32, XXH3_64bits(file.data() + at, bytes));
  }
}

std::string file_of(uint8_t choice, size_t pages, std::string_view rest) {
  std::string file(kPage * (1 + pages), '\x5a');
  const size_t header = std::min(rest.size(), kHeader), table = file.size();
  rest.copy(file.data(), header);
  file += rest.substr(header);
  if (choice & kRightPlace) {
    std::memcpy(file.data(), "autarkw1", 8);
    file.resize(table + (file.size() - table) / kEntry * kEntry);
    put(file, 40, table);
    put(file, 48, (file.size() - table) / kEntry);
  }
  if (choice & kRightForms) right_forms(file, table);
  if (choice & kRightSums) {
    put(file, 56, XXH3_64bits(file.data() + table, file.size() - table));
    put(file, 64, XXH3_64bits(file.data(), 64));
  }
  return file;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace autark::engine;
  if (size < 2) return 0;
  const std::string_view rest(reinterpret_cast<const char*>(bytes) + 2, size - 2);
  const size_t pages = bytes[1] % 4, table = kPage * (1 + pages);
  const std::string file = file_of(bytes[0], pages, rest);
  const autark::MemoryFile in_memory(file);
  const auto opened = WeightFile::open(in_memory.path());
  if (!opened) return 0;
  const uint8_t all = kRightPlace | kRightSums;
  for (size_t e = table; (bytes[0] & all) == all && e < file.size(); e += kEntry) {
    const Digest name{number(file, e), number(file, e + 8)};
    const uint64_t length = number(file, e + 24);
    AUTARK_CHECK(opened->holds(name));
    const auto form = opened->find(name, int64_t(length));
    if (!form) continue;
    const auto whole = opened->file().bytes();
    AUTARK_CHECK(form->size() == length && form->data() >= whole.data() &&
                 form->data() + form->size() <= whole.data() + whole.size());
    AUTARK_CHECK(!opened->find(name, int64_t(length) + 1));
  }
  return 0;
}
