// Opens arbitrary bytes as a store file and uses it. A damaged file must be an Error or behave like a store;
// it must never crash the process.
#include <unistd.h>
#include <filesystem>
#include <fstream>
#include "store/sqlite_store.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace autark::storage;
  static const std::filesystem::path folder = [] {
    std::string name = (std::filesystem::temp_directory_path() / "autark-store-fuzz-XXXXXX").string();
    return std::filesystem::path(mkdtemp(name.data()));
  }();
  const auto file = folder / "store.db";
  for (const char* end : {"", "-wal", "-shm"}) std::filesystem::remove(file.string() + end);
  std::ofstream(file, std::ios::binary).write(reinterpret_cast<const char*>(bytes), std::streamsize(size));
  const auto store = open_store(file, {.bytes = 4096});
  if (!store) return 0;
  (*store)->keep({.id = "resp_1", .owner = "me", .created = 1, .body = "{}", .input = "[]"});
  (void)(*store)->find("resp_1", "me", 1);
  (void)(*store)->find("resp_2", "me", 1);
  (*store)->tidy(1 << 30);
  (*store)->erase("resp_1", "me", 1);
  return 0;
}
