// Which version of which file a pull has fetched. The next pull uses it to tell the revision of files for
// which the hub gives no checksum, and to find files that the repository no longer has. It is stored beside
// the models. A lost or damaged record counts as empty; files are then compared or fetched again.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include "base/result.h"

namespace autark::hub {

struct Record {
  std::map<std::string, std::string> versions;  // path below the model's folder → version

  std::string version_of(const std::string& file) const;  // empty if not recorded
  static Record load(const std::filesystem::path& path);
  // Writes the record to a file. If that fails, the file is removed: it is complete or absent.
  void keep(const std::filesystem::path& path) const;
};

}  // namespace autark::hub
