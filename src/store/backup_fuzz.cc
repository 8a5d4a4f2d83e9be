// Restores a database from arbitrary bytes. A hostile file must be an Error or fill the tables; it must never crash the
// process. Half of the runs get the checksum that belongs to the bytes, so that they come behind it.
#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <filesystem>
#include <fstream>
#include "base/fnv.h"
#include "store/backup.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* bytes, size_t size) {
  using namespace autark;
  static constexpr storage::SchemaStep kSteps[] = {
      {"CREATE TABLE person (id TEXT PRIMARY KEY, age BIGINT);"
       "CREATE TABLE visit (number {serial}, person TEXT NOT NULL REFERENCES person (id));",
       "DROP TABLE visit; DROP TABLE person;"}};
  static const std::filesystem::path folder = [] {
    std::string name = (std::filesystem::temp_directory_path() / "autark-backup-fuzz-XXXXXX").string();
    return std::filesystem::path(mkdtemp(name.data()));
  }();
  std::string text(reinterpret_cast<const char*>(bytes), size);
  if (size % 2 == 0) {
    text += text.empty() || text.back() == '\n' ? "" : "\n";
    int64_t rows = 0;
    for (size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
      rows += text[text.find_first_not_of(" \t\r", at)] == '[';
    text += fmt::format("{{\"rows\":{},\"sum\":\"{:016x}\"}}\n", rows, fnv1a(text));
  }
  std::ofstream(folder / "backup", std::ios::binary) << text;
  const auto database = storage::open_database("sqlite::memory:");
  if (!database) return 0;
  const auto fault = storage::restore(folder / "backup", **database, kSteps);
  if (fault) return 0;
  std::filesystem::remove(folder / "again");
  if (storage::backup(**database, folder / "again")) __builtin_trap();
  return 0;
}
