#include "apps/platform_service.h"
#include <fmt/format.h>
#include "platform/admin_routes.h"
#include "platform/guarded_memory.h"

namespace autark::apps {

void add_platform_of_server(const Command& c, std::filesystem::path& file) {
  c.option("--platform", file,
           "Serve the accounts of this platform (see platform --help): its folder, or the file platform.toml "
           "in it. "
           "Not together with --api-key",
           {.kind = "FILE", .variable = "AUTARK_PLATFORM"});
}

Result<PlatformService> PlatformService::open(const std::filesystem::path& file, bool has_key) {
  PlatformService opened;
  if (file.empty()) return opened;
  if (has_key)
    return Error{Code::invalid,
                 "--platform (or AUTARK_PLATFORM) and --api-key (or AUTARK_API_KEY) exclude each other: the "
                 "platform has keys of its own; give one of the two"};
  platform::guard_memory();
  AUTARK_TRY(opened.platform_, platform::open_server_platform(file));
  return opened;
}

std::shared_ptr<api::Gate> PlatformService::gate() const {
  return platform_ ? platform_->gatekeeper : nullptr;
}

void PlatformService::add_routes(http::Router& router, bool tls) const {
  if (platform_) platform::add_routes(router, *platform_, {.tls = tls});
}

std::shared_ptr<api::Backend> PlatformService::around(std::shared_ptr<api::Backend> backend) const {
  return platform_ ? platform_->metering->around(std::move(backend)) : backend;
}

std::string PlatformService::card() const {
  if (!platform_) return "";
  const platform::PlatformFile& file = platform_->parts.file;
  std::string text =
      fmt::format("platform  {}, data in {}\n", file.path.string(), platform_->database().name());
  for (const std::string& remark : file.remarks) text += "warning   " + remark + "\n";
  return text;
}

}  // namespace autark::apps
