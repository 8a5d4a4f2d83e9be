// The platform of `autark serve --platform`: accounts, limits and the ledger in front of the model.
#pragma once
#include <filesystem>
#include <memory>
#include <string>
#include "api/backend.h"
#include "apps/command_line.h"
#include "http/router.h"
#include "platform/server_platform.h"

namespace autark::apps {

// Adds --platform.
void add_platform_of_server(const Command& c, std::filesystem::path& file);

// A server's platform, or nothing of all that. Must outlive the service and the http::Server.
class PlatformService {
 public:
  // An empty `file`: no platform. An Error if there is an API key, too.
  static Result<PlatformService> open(const std::filesystem::path& file, bool has_key);

  explicit operator bool() const { return platform_ != nullptr; }
  std::shared_ptr<api::Gate> gate() const;  // null without a platform
  // Adds the routes below /admin and those that show what was used. `tls`: the server speaks HTTPS.
  void add_routes(http::Router& router, bool tls) const;
  // The backend that admits, counts and books; without a platform the same one.
  std::shared_ptr<api::Backend> around(std::shared_ptr<api::Backend> backend) const;
  // For people: the file, where the data are, and what one should know of it, a line each.
  std::string card() const;

 private:
  std::unique_ptr<platform::ServerPlatform> platform_;
};

}  // namespace autark::apps
