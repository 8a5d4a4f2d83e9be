#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include "base/json.h"
#include "platform/directory_rows.h"
#include "platform/platform_file.h"
#include "platform/private_file.h"
#include "platform/schema.h"
#include "platform/secret_box.h"
#include "platform/secrets.h"

namespace autark::platform {
namespace {

namespace fs = std::filesystem;

// A JSON text in quotes is one of TOML, too.
std::string quoted(const std::string& text) {
  return dump_json(Json(text));
}

std::string settings_text(const NewPlatform& wanted) {
  return "# A platform of autark: accounts, keys, limits and a ledger.\n"
         "store = " +
         quoted(wanted.store) +
         "\n"
         "prices = \"prices.toml\"   # servers add it when its version is new\n"
         "time_zone = " +
         quoted(wanted.time_zone) +
         "   # of days and months of budgets\n"
         "post_paid = true   # false: requests are refused once balance and credits are used up\n";
}

std::string prices_text(const NewPlatform& wanted) {
  return "# Prices for 1,000,000 tokens. To change them: give this file a new version and the day from which "
         "it is\n"
         "# valid, then run 'autark platform prices add FILE', or start the server again.\n"
         "version = \"free-1\"\n"
         "valid_from = 2026-01-01T00:00:00Z\n"
         "currency = " +
         quoted(wanted.currency) + "\ntime_zone = " + quoted(wanted.time_zone) +
         "\n\n"
         "[models.\"*\"]   # models without a table of their own\n"
         "input = 0   # tokens of the prompt that had to be computed\n"
         "output = 0\n"
         "# cached = 0        # read from the prefix cache; as input, if it is not given\n"
         "# cache_write = 0   # computed and kept because the client asked; as input\n"
         "# reasoning = 0     # as output\n"
         "\n"
         "# [models.\"qwen2.5-coder-0.5b\"]\n"
         "# input = 1\n"
         "# cached = 0.02\n"
         "# output = 4\n"
         "\n"
         "# [service]   # factors\n"
         "# flex = 0.5\n";
}

Error fault(const fs::path& path, const std::string& what) {
  return {Code::io, path.string() + " " + what + ": " + std::strerror(errno)};
}

// Made beside the folder, so that files can be moved into it; removed with all that is left in it.
class Staging {
 public:
  static Result<std::unique_ptr<Staging>> make(const fs::path& folder) {
    std::error_code failed;
    fs::create_directories(folder.parent_path(), failed);
    const fs::path path = folder.parent_path() / ("." + folder.filename().string() + "." + random_letters(8));
    if (::mkdir(path.c_str(), 0700) != 0) return fault(path, "cannot be created");
    return std::unique_ptr<Staging>(new Staging(path));
  }
  ~Staging() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

  // platform.toml comes last: before it, there is no platform.
  std::optional<Error> move_to(const fs::path& folder) const {
    if (::mkdir(folder.c_str(), 0700) != 0 && (errno != EEXIST || ::chmod(folder.c_str(), 0700) != 0))
      return fault(folder, "cannot be created");
    std::vector<fs::path> names;
    std::error_code failed;
    for (const auto& entry : fs::directory_iterator(path_, failed))
      if (entry.path().filename() != "platform.toml") names.push_back(entry.path().filename());
    names.emplace_back("platform.toml");
    for (const fs::path& name : names) {
      if (::rename((path_ / name).c_str(), (folder / name).c_str()) == 0) continue;
      const Error error = fault(folder / name, "cannot be written");
      for (const fs::path& moved : names) fs::remove(folder / moved, failed);
      return error;
    }
    return make_durable(folder);
  }

 private:
  explicit Staging(fs::path path) : path_(std::move(path)) {}
  static std::optional<Error> make_durable(const fs::path& folder) {
    const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool done = fd >= 0 && ::fsync(fd) == 0;
    const auto failed = done ? std::nullopt : std::optional(fault(folder, "cannot be written"));
    if (fd >= 0) ::close(fd);
    return failed;
  }
  fs::path path_;
};

std::optional<Error> check_folder(const fs::path& folder) {
  std::error_code failed;
  if (fs::exists(folder / "platform.toml", failed))
    return Error{Code::invalid, folder.string() + " has a platform already; use it with --platform"};
  if (fs::exists(folder, failed) && !fs::is_empty(folder, failed))
    return Error{Code::invalid, folder.string() + " is not an empty folder; name a new or empty one"};
  return {};
}

// The first rows: account, workspace, the administrator's key, prices.
MadePlatform seed(Query& query, const NewPlatform& wanted, const std::string& secret) {
  if (!query.rows("SELECT id FROM account LIMIT 1").empty())
    return query.refuse(invalid("store",
                                "the database has a platform already; for another server on it, copy its "
                                "platform.toml and platform.key"));
  const Micros now = system_now();
  MadePlatform made;
  made.account = insert_account(query, "default", wanted.currency, now);
  made.workspace = insert_workspace(query, made.account, "default", now);
  KeyDraft draft;
  draft.name = "administrator", draft.role = Role::system;
  made.key = insert_key(query, made.workspace, "", draft, secret, now);
  made.secret = secret;
  if (const auto file = PriceFile::parse(prices_text(wanted)))
    insert_price_file(query, {file->version, file->valid_from, now, prices_text(wanted)});
  else
    query.refuse(invalid("currency", file.error().message));
  return made;
}

// For a database that stays when the folder cannot be written.
void unseed(storage::Database& database) {
  (void)transact(database, Kind::changes, [](Query& query) -> Done {
    for (const char* table : {"price_file", "key_secret", "api_key", "workspace", "account"})
      query.change(std::string("DELETE FROM ") + table);
    return {};
  });
}

std::optional<Error> error_of(const api::ApiError* fault) {
  return fault ? std::optional(Error{Code::invalid, fault->message}) : std::nullopt;
}

std::optional<Error> write_files(const fs::path& folder, const NewPlatform& wanted) {
  if (auto failed = write_private(folder / "platform.toml", settings_text(wanted))) return failed;
  if (auto failed = write_private(folder / "prices.toml", prices_text(wanted))) return failed;
  return SecretBox::make(folder / "platform.key");
}

}  // namespace

Result<MadePlatform> make_platform(const fs::path& folder, const NewPlatform& wanted) {
  fs::path place = fs::absolute(folder).lexically_normal();
  if (!place.has_filename()) place = place.parent_path();
  if (auto failed = check_folder(place)) return *failed;
  const auto fault = currency_fault(wanted.currency);
  if (auto failed = error_of(fault ? &*fault : nullptr)) return *failed;
  AUTARK_TRY(const PriceFile prices, PriceFile::parse(prices_text(wanted)));
  AUTARK_TRY(const auto staging, Staging::make(place));
  AUTARK_TRY(const PlatformFile file,
             parse_platform_file(settings_text(wanted), staging->path() / "platform.toml"));
  if (auto failed = write_files(staging->path(), wanted)) return *failed;
  AUTARK_TRY(auto database, storage::open_database(file.store));
  if (auto failed = make_tables(*database)) return *failed;
  const std::string secret = new_key_secret();
  const auto seeded =
      transact(*database, Kind::changes, [&](Query& query) { return seed(query, wanted, secret); });
  if (auto failed = error_of(std::get_if<api::ApiError>(&seeded))) return *failed;
  const bool stays = !file.store.starts_with("sqlite:" + staging->path().string());
  if (!stays) database.reset();  // so that its file is whole and can be moved
  if (auto failed = staging->move_to(place)) {
    if (stays) unseed(*database);
    return *failed;
  }
  MadePlatform made = std::get<MadePlatform>(seeded);
  made.file = place / "platform.toml";
  return made;
}

}  // namespace autark::platform
