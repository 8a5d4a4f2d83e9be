// A platform that is open: for commands, which work whether or not a server runs.
#pragma once
#include <memory>
#include "platform/directory.h"
#include "platform/platform_file.h"
#include "platform/secret_box.h"
#include "store/database.h"

namespace autark::platform {

struct Platform {
  PlatformFile file;
  SecretBox box;
  std::shared_ptr<storage::Database> database;
  std::shared_ptr<Directory> directory;
};

// `path`: platform.toml or its folder. An Error says if the tables are of another version, and to run
// `autark platform migrate`; `any_version`: opens it all the same, for that command.
Result<Platform> open_platform(const std::filesystem::path& path, bool any_version = false);

}  // namespace autark::platform
