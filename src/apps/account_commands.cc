#include "apps/account_commands.h"
#include "apps/platform_access.h"
#include "apps/platform_tables.h"
#include "apps/text_table.h"
#include "platform/directory_json.h"

namespace autark::apps {
namespace {

struct Arguments : PlatformArguments {
  std::string name, currency = "CNY";
};

Json object_of(const platform::Account& a) {
  return {{"id", a.id},
          {"name", a.name},
          {"currency", a.currency},
          {"created", platform::time_json(a.created)},
          {"disabled", platform::time_json(a.disabled)}};
}

Shown shown(const Arguments& a, const std::vector<platform::Account>& accounts) {
  if (a.json) {
    Json data = Json::array();
    for (const platform::Account& account : accounts) data.push_back(object_of(account));
    return list_json(std::move(data));
  }
  TextTable table({"name", "id", "currency", "created", "state"});
  for (const platform::Account& account : accounts)
    table.add({account.name, account.id, account.currency, time_text(account.created),
               account.disabled ? "disabled" : "active"});
  return table.text("There are no accounts.");
}

Result<Shown> list(const Arguments& a, platform::Directory& directory) {
  AUTARK_TRY(const auto all, value_of(directory.accounts()));
  return shown(a, all);
}

Result<Shown> create(const Arguments& a, platform::Directory& directory) {
  AUTARK_TRY(const auto made, value_of(directory.create_account(a.name, a.currency)));
  return shown(a, {made});
}

Result<Shown> enable(const Arguments& a, platform::Directory& directory, bool enabled) {
  if (const auto fault = directory.enable_account(a.name, enabled)) return error_of(*fault);
  AUTARK_TRY(const auto account, value_of(directory.account(a.name)));
  return shown(a, {account});
}

using Do = Result<Shown> (*)(const Arguments&, platform::Directory&);

std::pair<Command, std::shared_ptr<Arguments>> add(const Command& parent, const char* name, const char* help,
                                                   bool named, Do work) {
  const auto a = std::make_shared<Arguments>();
  const Command c = parent.command(name, help);
  add_platform_option(c, *a);
  c.flag("--json", a->json, "Show JSON objects");
  if (named) c.option("ACCOUNT,--name", a->name, "Its name or id", {.required = true});
  c.runs([a, work] {
    return run_on_directory(*a, [&](platform::Directory& directory) { return work(*a, directory); });
  });
  return {c, a};
}

}  // namespace

void add_accounts_command(const Command& parent) {
  const Command c =
      parent.command("accounts", "Whose money pays; each has workspaces, members and a balance of its own");
  const auto [made, made_with] = add(c, "create", "Make one", true, create);
  made.option("--currency", made_with->currency, "Three capital letters",
              {.shows_default = true, .kind = "CODE"});
  add(c, "list", "All accounts", false, list);
  add(c, "disable", "Refuse all its keys until it is enabled again", true,
      [](const Arguments& a, platform::Directory& directory) { return enable(a, directory, false); });
  add(c, "enable", "Undo disable", true,
      [](const Arguments& a, platform::Directory& directory) { return enable(a, directory, true); });
}

}  // namespace autark::apps
