#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <utility>
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

std::optional<Error> make_durable(const fs::path& folder) {
  const int fd = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const bool done = fd >= 0 && ::fsync(fd) == 0;
  const auto failed = done ? std::nullopt : std::optional(fault(folder, "cannot be written"));
  if (fd >= 0) ::close(fd);
  return failed;
}

// Keeps other processes from making a platform in a folder, also while it is renamed.
class FolderLock {
 public:
  static Result<FolderLock> take(const fs::path& folder) {
    FolderLock lock(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (lock.file_ < 0) return fault(folder, "cannot be opened");
    if (::flock(lock.file_, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
      return Error{Code::invalid, "another process makes a platform in " + folder.string() + "; wait for it"};
    return lock;
  }
  FolderLock(FolderLock&& other) noexcept : file_(std::exchange(other.file_, -1)) {}
  FolderLock& operator=(FolderLock&&) = delete;
  ~FolderLock() {
    if (file_ >= 0) ::close(file_);
  }

 private:
  explicit FolderLock(int file) : file_(file) {}
  int file_;
};

// The folder's files under another name beside it, until all are there. Removed with all that is left in it.
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

  // Takes the place of the folder, which is empty or not there, in one step.
  std::optional<Error> move_to(const fs::path& folder) {
    std::error_code failed;
    replaced_ = fs::exists(folder, failed);
    if (auto fault = make_durable(path_)) return fault;
    if (::rename(path_.c_str(), folder.c_str()) == 0) return make_durable(folder.parent_path());
    Error error = fault(folder, "cannot be made");
    error.message += "; name a new folder";
    return error;
  }
  // Leaves the folder as it was before.
  void move_back(const fs::path& folder) const {
    if (::rename(folder.c_str(), path_.c_str()) == 0 && replaced_) ::mkdir(folder.c_str(), 0700);
  }

 private:
  explicit Staging(fs::path path) : path_(std::move(path)) {}
  const fs::path path_;
  bool replaced_ = false;
};

std::optional<Error> check_folder(const fs::path& folder) {
  std::error_code failed;
  if (!fs::exists(folder, failed)) return {};
  if (!fs::is_empty(folder, failed))
    return Error{Code::invalid, folder.string() + " is not an empty folder; name a new or empty one"};
  if (fs::equivalent(folder, fs::current_path(failed), failed))
    return Error{Code::invalid, folder.string() + " is the folder that you are in; name a new one in it"};
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

std::optional<Error> error_of(const api::ApiError* fault) {
  if (!fault) return {};
  const bool is_lost = fault->kind == api::ApiError::Kind::unavailable;
  return Error{is_lost ? Code::io : Code::invalid, fault->message};
}

std::optional<Error> write_files(const fs::path& folder, const NewPlatform& wanted) {
  if (auto failed = write_private(folder / "platform.toml", settings_text(wanted))) return failed;
  if (auto failed = write_private(folder / "prices.toml", prices_text(wanted))) return failed;
  return SecretBox::make(folder / "platform.key");
}

Error there_already(const fs::path& folder) {
  return {Code::invalid, folder.string() +
                             " has a platform already; use it with --platform, and if the key of its "
                             "administrator is lost, make another with 'autark keys create --role system'"};
}

// Whether a folder has the files that are written for `wanted`.
bool has_files(const fs::path& folder, const NewPlatform& wanted) {
  constexpr size_t kBytesMax = size_t{1} << 20;
  const auto is = [&](const char* name, const std::string& text) {
    const auto found = read_bounded(folder / name, kBytesMax);
    return found && *found == text;
  };
  return is("platform.toml", settings_text(wanted)) && is("prices.toml", prices_text(wanted)) &&
         SecretBox::open(folder / "platform.key");
}

// The tables and first rows, in the database that the folder's file names.
Result<MadePlatform> make_rows(const fs::path& folder, const NewPlatform& wanted) {
  AUTARK_TRY(const PlatformFile file, parse_platform_file(settings_text(wanted), folder / "platform.toml"));
  AUTARK_TRY(const auto database, storage::open_database(file.store));
  if (auto failed = make_tables(*database)) return *failed;
  const std::string secret = new_key_secret();
  auto seeded = transact(*database, Kind::changes, [&](Query& query) { return seed(query, wanted, secret); });
  if (auto failed = error_of(std::get_if<api::ApiError>(&seeded))) return *failed;
  MadePlatform made = std::get<MadePlatform>(std::move(seeded));
  made.file = file.path;
  return made;
}

// What was begun for `wanted` and did not come to its end; it has no rows yet.
Result<MadePlatform> finish(const fs::path& folder, const NewPlatform& wanted) {
  if (!has_files(folder, wanted)) return there_already(folder);
  AUTARK_TRY(const FolderLock lock, FolderLock::take(folder));
  auto made = make_rows(folder, wanted);
  if (!made && made.error().code == Code::invalid) return there_already(folder);
  return made;
}

}  // namespace

Result<MadePlatform> make_platform(const fs::path& folder, const NewPlatform& wanted) {
  std::error_code failed;
  fs::path place = fs::weakly_canonical(fs::absolute(folder), failed);
  if (!place.has_filename()) place = place.parent_path();
  const auto fault = currency_fault(wanted.currency);
  if (auto wrong = error_of(fault ? &*fault : nullptr)) return *wrong;
  AUTARK_TRY(const PriceFile prices, PriceFile::parse(prices_text(wanted)));
  if (fs::exists(place / "platform.toml", failed)) return finish(place, wanted);
  if (auto wrong = check_folder(place)) return *wrong;
  AUTARK_TRY(const auto staging, Staging::make(place));
  AUTARK_TRY(const FolderLock lock, FolderLock::take(staging->path()));
  if (auto wrong = write_files(staging->path(), wanted)) return *wrong;
  if (auto wrong = staging->move_to(place)) return *wrong;
  auto made = make_rows(place, wanted);
  if (!made) staging->move_back(place);
  return made;
}

}  // namespace autark::platform
