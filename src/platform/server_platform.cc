#include "platform/server_platform.h"
#include "base/log.h"
#include "platform/limit_counter.h"
#include "platform/private_file.h"
#include "platform/secrets.h"

namespace autark::platform {
namespace {

constexpr size_t kPricesMax = size_t{1} << 20;

// A server that cannot find the file goes on with the prices that the database has.
std::optional<Error> add_prices(const Platform& platform) {
  std::error_code failed;
  if (platform.file.prices.empty()) return {};
  if (!std::filesystem::exists(platform.file.prices, failed)) {
    log_warning("the price file " + platform.file.prices +
                " is missing; the prices that were added before count");
    return {};
  }
  const auto account = platform.directory->account("");
  if (std::holds_alternative<api::ApiError>(account)) return {};
  auto text = read_bounded(platform.file.prices, kPricesMax);
  if (!text) return text.error();
  const auto added = platform.directory->add_price_file(operator_of(std::get<Account>(account).id), *text);
  if (const auto* fault = std::get_if<api::ApiError>(&added))
    return Error{Code::invalid, platform.file.prices + ": " + fault->message};
  return {};
}

// Takes over the directory's limits and prices as they are now.
std::optional<Error> follow(Directory& directory, Limits& limits, Metering& metering) {
  auto all = directory.all_limits();
  if (!all) return all.error();
  auto prices = directory.all_prices();
  if (!prices) return prices.error();
  limits.set(std::move(*all));
  metering.set_prices(std::move(*prices));
  return {};
}

std::shared_ptr<Limits> make_limits(const Platform& platform, const std::string& server,
                                    std::shared_ptr<Ledger> ledger) {
  Spent spent = [ledger = std::move(ledger)](const Limit& limit, Micros since) {
    return ledger->spent(limit.level, limit.subject, limit.model, since);
  };
  const std::string& zone = platform.file.time_zone;
  if (platform.database->is_shared())
    return shared_limits(platform.database, server, system_now, zone, std::move(spent));
  return local_limits(system_now, zone, std::move(spent), steady_now);
}

}  // namespace

Result<std::unique_ptr<ServerPlatform>> open_server_platform(const std::filesystem::path& path) {
  AUTARK_TRY(Platform opened, open_platform(path));
  if (auto failed = add_prices(opened)) return *failed;
  auto made = std::unique_ptr<ServerPlatform>(new ServerPlatform{.parts = std::move(opened)});
  ServerPlatform& all = *made;
  all.server = new_id("srv");
  Ledger::Options booking;
  booking.server = all.server;
  all.ledger = std::make_shared<Ledger>(all.parts.database, booking);
  all.limits = make_limits(all.parts, all.server, all.ledger);
  Metering::Options metering;
  metering.limits = all.limits, metering.ledger = all.ledger;
  metering.post_paid = all.parts.file.post_paid;
  all.metering = std::make_shared<Metering>(std::move(metering));
  all.sessions = std::make_shared<Sessions>(all.parts.database, all.parts.box);
  AUTARK_TRY(all.gatekeeper, Gatekeeper::open(all.parts.database, {}));
  const auto failed =
      all.gatekeeper->on_change([directory = all.parts.directory, limits = all.limits,
                                 metering = all.metering] { return follow(*directory, *limits, *metering); });
  if (failed) return *failed;
  return made;
}

}  // namespace autark::platform
