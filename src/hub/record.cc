#include "hub/record.h"
#include <fstream>
#include "base/json.h"
#include "base/mapped_file.h"
#include "hub/names.h"
#include "hub/part_file.h"

namespace autark::hub {

std::string Record::version_of(const std::string& file) const {
  const auto found = versions.find(file);
  return found == versions.end() ? "" : found->second;
}

// {"FILE": "VERSION", …}
Record Record::load(const std::filesystem::path& path) {
  Record record;
  const auto text = read_file(path, size_t{16} << 20);
  const auto json = text ? parse_json(*text, path.string()) : Result<Json>(Json::object());
  if (!json || !json->is_object()) return record;
  for (const auto& [file, version] : json->items()) {
    if (version.is_string() && is_safe_path(file)) record.versions[file] = version.get<std::string>();
  }
  return record;
}

void Record::keep(const std::filesystem::path& path) const {
  Json json = Json::object();
  for (const auto& [file, version] : versions) json[file] = version;
  const std::filesystem::path beside = path.string() + ".new";
  std::error_code fault;
  std::filesystem::remove(beside, fault);
  auto file = PartFile::open(beside);
  const bool written = file && file->append(dump_json(json) + "\n") && file->sync();
  if (written) std::filesystem::rename(beside, path, fault);
  if (!written || fault) {
    std::filesystem::remove(beside, fault);
    std::filesystem::remove(path, fault);
  }
}

}  // namespace autark::hub
