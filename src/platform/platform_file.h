// DIR/platform.toml: where a platform keeps its data.
//
//   store = "sqlite:platform.db"    # a path is relative to this file; or "postgres://user@host/database"
//   prices = "prices.toml"          # servers add this price file when its version is new; may be left out
//   time_zone = "Asia/Shanghai"     # of days and months of budgets; "UTC" if left out
//   post_paid = true                # false: requests are refused once balance and credits are used up
//   separation = true               # nobody may hold two administrative roles; false if left out
//
// The password of PostgreSQL comes from PGPASSWORD or ~/.pgpass, or stands in the URL. Beside the file lies platform.key,
// which seals the members' TOTP secrets. Several servers of one database need the same platform.key.
#pragma once
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>
#include "base/result.h"

namespace autark::platform {

struct PlatformFile {
  std::filesystem::path path;  // of the file, absolute
  std::string store;  // for storage::open_database; its path is absolute. May have a password: never print it
  std::string prices;  // absolute; empty: none
  std::string time_zone = "UTC";
  bool post_paid = true;
  bool separation = false;           // true: open_platform() turns it on
  std::vector<std::string> remarks;  // for people: a password in the URL, a file that others may read

  std::filesystem::path key_file() const { return path.parent_path() / "platform.key"; }
};

// Parses the text of a file at `path`. An Error names the file, the line and the key; unknown keys are refused.
Result<PlatformFile> parse_platform_file(std::string_view toml, const std::filesystem::path& path);
// `path`: the file, or its folder. An Error if others may write the file or its folder, or read platform.key.
Result<PlatformFile> read_platform_file(const std::filesystem::path& path);

struct NewPlatform {
  std::string store = "sqlite:platform.db";
  std::string currency = "CNY", time_zone = "UTC";
};
struct MadePlatform {
  std::filesystem::path file;
  std::string account, workspace, key;  // ids
  std::string secret;  // of the administrator's key, which has the role "system"; here and nowhere else
};

// Makes the folder with its files, the tables, the account and the workspace "default", an administrator's key, and a price
// file "free-1" with which nothing costs anything. All or nothing: after an Error there is no folder, and what a process that
// was killed had begun is finished by another call for the same. An Error if the folder is not empty, or if the database has
// a platform.
Result<MadePlatform> make_platform(const std::filesystem::path& folder, const NewPlatform& wanted);

}  // namespace autark::platform
