#include "apps/cmd_platform.h"
#include <fmt/format.h>
#include "apps/account_commands.h"
#include "apps/money_commands.h"
#include "apps/platform_access.h"
#include "apps/platform_tables.h"
#include "apps/price_commands.h"
#include "apps/report.h"
#include "apps/secret_file.h"
#include "apps/table_commands.h"
#include "apps/text_table.h"
#include "platform/directory_json.h"
#include "platform/guarded_memory.h"

namespace autark::apps {
namespace {

struct Init {
  std::filesystem::path folder, secret_file;
  platform::NewPlatform wanted;
  bool json = false;
};

struct Separation : PlatformArguments {
  std::string mode;
};

Json object_of(const platform::MadePlatform& made) {
  return {{"platform", made.file.string()},
          {"account", made.account},
          {"workspace", made.workspace},
          {"key", made.key}};
}

void print_made(const Init& a, const platform::MadePlatform& made) {
  const std::string folder = a.folder.string();
  const std::string secret = a.secret_file.empty()
                                 ? made.secret + "  (the administrator's; it is not shown again)"
                                 : "in " + a.secret_file.string() + "  (the administrator's)";
  fmt::print("{}", fact_lines({{"platform", made.file.string()},
                               {"account", "default, in " + a.wanted.currency},
                               {"workspace", "default"},
                               {"key", secret}}));
  fmt::print(
      "\nNothing costs anything yet; `autark platform prices set` changes that.\n\nNext:\n  autark keys "
      "create NAME --workspace default --budget 20{} --platform {}\n"
      "  autark serve --platform {}\n",
      a.wanted.currency, folder, folder);
}

int init(const Init& a) {
  if (auto e = fault_of_secret_file(a.secret_file)) return fail(*e);
  platform::guard_memory();
  const auto made = platform::make_platform(a.folder, a.wanted);
  if (!made) return fail(made.error());
  if (!a.secret_file.empty())
    if (auto e = write_secret(a.secret_file, made->secret)) return fail(*e);
  if (!a.json) return print_made(a, *made), 0;
  Json object = object_of(*made);
  if (a.secret_file.empty()) object["secret"] = made->secret;
  print(object);
  return 0;
}

Result<Shown> show(const PlatformArguments& a, const Operator& on) {
  const platform::PlatformFile& file = on.platform.file;
  AUTARK_TRY(const int64_t version, on.platform.database->version());
  AUTARK_TRY(const bool separated, value_of(on.directory().separation()));
  AUTARK_TRY(const platform::Balance balance, on.ledger()->balance(on.account.id));
  if (a.json)
    return Shown(Json{
        {"platform", file.path.string()},
        {"store", on.platform.database->name()},
        {"tables", version},
        {"time_zone", file.time_zone},
        {"post_paid", file.post_paid},
        {"separation", separated},
        {"account", {{"id", on.account.id}, {"name", on.account.name}, {"currency", on.account.currency}}}});
  Facts facts{{"platform", file.path.string()},
              {"store", on.platform.database->name()},
              {"tables", fmt::format("of version {}", version)},
              {"time zone", file.time_zone},
              {"payment", file.post_paid ? "afterwards: an account may owe"
                                         : "in advance: requests need a balance or credits"},
              {"separation", separated ? "on" : "off"},
              {"account", on.account.name + ", in " + on.account.currency}};
  for (auto& fact : facts_of(balance)) facts.push_back(std::move(fact));
  return Shown(fact_lines(facts));
}

Result<Shown> separate(const Separation& a, const Operator& on) {
  if (const auto fault = on.directory().set_separation(on.who, a.mode == "on")) return error_of(*fault);
  if (a.json) return Shown(Json{{"separation", a.mode == "on"}});
  return Shown(a.mode == "on" ? std::string("on: nobody may hold two administrative roles\n")
                              : std::string("off: a member may hold several administrative roles\n"));
}

void add_init(const Command& parent) {
  const auto a = std::make_shared<Init>();
  const Command c = parent.command("init", "Make a platform: platform.toml, tables, an administrator's key");
  c.option("--dir", a->folder, "A new or empty folder", {.required = true, .kind = "DIR"});
  c.option("--store", a->wanted.store,
           "Where its data are: sqlite:FILE, or for several servers postgres://USER@HOST/DATABASE, whose "
           "password may "
           "come from PGPASSWORD or ~/.pgpass",
           {.shows_default = true, .kind = "URL"});
  c.option("--currency", a->wanted.currency, "Of the account: three capital letters",
           {.shows_default = true, .kind = "CODE"});
  c.option("--time-zone", a->wanted.time_zone, "Of days and months: Asia/Shanghai, +08:00",
           {.shows_default = true, .kind = "ZONE"});
  c.flag("--json", a->json, "Show a JSON object");
  add_secret_file(c, a->secret_file);
  c.runs([a] { return init(*a); });
}

void add_show(const Command& parent) {
  const auto a = std::make_shared<PlatformArguments>();
  const Command c = parent.command("show", "Where the data are, and what is left of the money");
  add_platform_options(c, *a);
  runs_on_platform(c, a, show);
}

void add_separation(const Command& parent) {
  const auto a = std::make_shared<Separation>();
  const Command c =
      parent.command("separation", "Whether system, security and audit must be different people");
  add_platform_options(c, *a);
  c.option("MODE", a->mode, "on or off", {.rule = one_of({"on", "off"}), .required = true});
  runs_on_platform(c, a, separate);
}

}  // namespace

void add_platform_command(const Command& program) {
  const Command c = program.command(
      "platform", "A platform, with which a team shares a server: accounts, keys, limits, a ledger");
  add_init(c);
  add_show(c);
  add_accounts_command(c);
  add_money_commands(c);
  add_prices_command(c);
  add_separation(c);
  add_table_commands(c);
  c.footer(
      "Examples:\n  autark platform init --dir team\n"
      "  autark platform show --platform team\n"
      "  autark platform deposit --amount 100CNY --platform team\n"
      "  autark platform grant --kind free --amount 1000000 --expires 30d --platform team\n"
      "  autark platform prices set --input 1 --output 4 --platform team\n"
      "  autark platform backup team.backup --platform team\n"
      "  autark platform audit --platform team");
}

}  // namespace autark::apps
