// What a pull brought, so that the next one knows which file is of which revision where the hub tells no sum,
// and which files no longer belong. Beside the models, not among their files. A record that is lost or
// damaged is an empty one: files are then compared or fetched again.
#pragma once
#include <filesystem>
#include <map>
#include <string>
#include "base/result.h"

namespace autark::hub {

struct Record {
  std::map<std::string, std::string> versions;  // by file below the model's folder

  std::string version_of(const std::string& file) const;
  static Record load(const std::filesystem::path& path);
  void keep(const std::filesystem::path& path) const;  // whole, or there is none (the disk is full)
};

}  // namespace autark::hub
