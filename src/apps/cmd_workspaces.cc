#include "apps/cmd_workspaces.h"
#include "apps/platform_access.h"
#include "apps/platform_tables.h"
#include "platform/directory_json.h"

namespace autark::apps {
namespace {

struct Arguments : PlatformArguments {
  std::string name;
};

Shown shown(const Arguments& a, const platform::Workspace& workspace) {
  if (a.json) return platform::workspace_json(workspace);
  return fact_lines(facts_of(workspace));
}

Result<Shown> create(const Arguments& a, const Operator& on) {
  AUTARK_TRY(const auto made,
             value_of(on.directory().create_workspace(on.who, a.name), a.name, "workspaces list"));
  return shown(a, made);
}

Result<Shown> list(const Arguments& a, const Operator& on) {
  AUTARK_TRY(const auto all, value_of(on.directory().workspaces(on.who)));
  if (!a.json) return Shown(table_of(all));
  Json data = Json::array();
  for (const platform::Workspace& w : all) data.push_back(platform::workspace_json(w));
  return Shown(list_json(std::move(data)));
}

Result<Shown> show(const Arguments& a, const Operator& on) {
  AUTARK_TRY(const auto found, value_of(on.directory().workspace(on.who, a.name), a.name, "workspaces list"));
  return shown(a, found);
}

Result<Shown> enable(const Arguments& a, const Operator& on, bool enabled) {
  AUTARK_TRY(const auto changed,
             value_of(on.directory().enable_workspace(on.who, a.name, enabled), a.name, "workspaces list"));
  return shown(a, changed);
}

template <class Do>
void add(const Command& parent, const char* name, const char* help, bool named, Do work) {
  const auto a = std::make_shared<Arguments>();
  const Command c = parent.command(name, help);
  if (named) c.option("WORKSPACE,--name", a->name, "Its name or id", {.required = true});
  add_platform_options(c, *a);
  runs_on_platform(c, a, work);
}

}  // namespace

void add_workspaces_command(const Command& program) {
  const Command c = program.command(
      "workspaces", "Workspaces of a platform: each has keys, stored answers and files of its own");
  add(c, "create", "Make one", true, create);
  add(c, "list", "All workspaces", false, list);
  add(c, "show", "One workspace", true, show);
  add(c, "disable", "Refuse all its keys until it is enabled again", true,
      [](const Arguments& a, const Operator& on) { return enable(a, on, false); });
  add(c, "enable", "Undo disable", true,
      [](const Arguments& a, const Operator& on) { return enable(a, on, true); });
  c.footer(
      "Examples:\n  autark platform init --dir team\n"
      "  autark workspaces create search --platform team\n"
      "  autark workspaces list --platform team");
}

}  // namespace autark::apps
