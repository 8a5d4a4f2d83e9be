// The platform of a server: all parts, which follow the directory while they run.
#pragma once
#include <memory>
#include "platform/gatekeeper.h"
#include "platform/ledger.h"
#include "platform/limits.h"
#include "platform/metering.h"
#include "platform/platform.h"
#include "platform/sessions.h"

namespace autark::platform {

// Members end from the last to the first: the gatekeeper, whose thread sets limits and prices, ends before these. End the
// server that uses it before.
struct ServerPlatform {
  Platform parts;
  std::string server;  // the id of this process
  std::shared_ptr<Ledger> ledger;
  std::shared_ptr<Limits> limits;  // shared with other servers on PostgreSQL
  std::shared_ptr<Metering> metering;
  std::shared_ptr<Sessions> sessions;
  std::shared_ptr<Gatekeeper> gatekeeper;

  Directory& directory() const { return *parts.directory; }
  storage::Database& database() const { return *parts.database; }
};

// Opens the platform for one server, adds the price file that platform.toml names, and begins to follow the directory.
Result<std::unique_ptr<ServerPlatform>> open_server_platform(const std::filesystem::path& path);

}  // namespace autark::platform
