#include "apps/table_commands.h"
#include <fmt/format.h>
#include "apps/platform_access.h"
#include "apps/report.h"
#include "platform/schema.h"
#include "store/backup.h"

namespace autark::apps {
namespace {

struct Arguments : PlatformArguments {
  std::filesystem::path copy;
  std::optional<int> version;
};

int done(const std::string& sentence) {
  fmt::print("{}\n", sentence);
  return 0;
}

int migrate(const Arguments& a) {
  const auto opened = platform::open_platform(a.file, true);
  if (!opened) return fail(opened.error());
  storage::Database& database = *opened->database;
  const auto steps = platform::schema_steps();
  if (a.version && *a.version > std::ssize(steps))
    return fail({Code::invalid, fmt::format("--to {}: this program knows {} steps; a newer one may know more",
                                            *a.version, steps.size())});
  const auto before = database.version();
  if (!before) return fail(before.error());
  const auto to = a.version ? size_t(*a.version) : steps.size();
  if (auto e = database.migrate(steps, to)) return fail(*e);
  return done(
      fmt::format("the tables in {} were of version {} and are of version {}", database.name(), *before, to));
}

int back_up(const Arguments& a) {
  const auto opened = platform::open_platform(a.file, true);
  if (!opened) return fail(opened.error());
  if (auto e = storage::backup(*opened->database, a.copy)) return fail(*e);
  return done(fmt::format("wrote {}; it has hashes of keys and passwords, so keep it as safe as the platform",
                          a.copy.string()));
}

int restore(const Arguments& a) {
  const auto opened = platform::open_platform(a.file, true);
  if (!opened) return fail(opened.error());
  if (auto e = storage::restore(a.copy, *opened->database, platform::schema_steps())) return fail(*e);
  return done("restored " + a.copy.string() + " to " + opened->database->name());
}

Result<Shown> audit(const Arguments& a, const Operator& on) {
  if (auto e = on.ledger()->audit()) return *e;
  if (a.json) return Shown(Json{{"adds_up", true}});
  return Shown(std::string("The books add up: every entry, every book, usage against revenue, credits.\n"));
}

using Do = int (*)(const Arguments&);

std::pair<Command, std::shared_ptr<Arguments>> add(const Command& parent, const char* name, const char* help,
                                                   Do work) {
  const auto a = std::make_shared<Arguments>();
  const Command c = parent.command(name, help);
  add_platform_option(c, *a);
  c.runs([a, work] { return work(*a); });
  return {c, a};
}

void add_audit(const Command& parent) {
  const auto a = std::make_shared<Arguments>();
  const Command c = parent.command("audit", "Check that the books add up; reads all of them");
  add_platform_options(c, *a);
  runs_on_platform(c, a, audit);
}

}  // namespace

void add_table_commands(const Command& parent) {
  const auto [migrated, migrate_with] = add(
      parent, "migrate", "Bring the tables to the version that this program knows, or another one", migrate);
  migrated.option("--to", migrate_with->version, "The version; an older one loses what only newer ones keep",
                  {.rule = whole_number(0, 1 << 20), .kind = "N"});
  const auto [copied, backup_with] =
      add(parent, "backup", "Copy all tables, as they are at one moment, to a new file; servers may run",
          back_up);
  copied.option("FILE", backup_with->copy, "The file", {.required = true});
  const auto [restored, restore_with] =
      add(parent, "restore", "Fill empty tables from a backup, of SQLite or PostgreSQL", restore);
  restored.option("FILE", restore_with->copy, "The file", {.required = true});
  add_audit(parent);
}

}  // namespace autark::apps
