#include "apps/cmd_members.h"
#include "apps/new_password.h"
#include "apps/platform_access.h"
#include "apps/platform_tables.h"
#include "platform/directory_json.h"

namespace autark::apps {
namespace {

struct Arguments : PlatformArguments {
  std::string name;
  std::vector<std::string> roles, workspaces;
  std::filesystem::path password_file;  // "-": standard input; empty: ask, or make one
};

Result<Shown> shown(const Arguments& a, const Operator& on, const platform::Member& member,
                    const std::string& password = {}) {
  if (a.json) {
    Json object = platform::member_json(member);
    if (!password.empty()) object["password"] = password;
    return Shown(std::move(object));
  }
  AUTARK_TRY(const auto workspaces, value_of(on.directory().workspaces(on.who)));
  Facts facts = facts_of(member, workspaces);
  if (password.empty()) return Shown(fact_lines(facts));
  facts.emplace_back("password", password + "  (it is not shown again)");
  return Shown(fact_lines(facts));
}

Result<std::vector<platform::Role>> roles_of(const Arguments& a) {
  std::vector<platform::Role> roles;
  for (const std::string& name : a.roles) {
    AUTARK_TRY(const platform::Role role, platform::role_named(name));
    roles.push_back(role);
  }
  return roles;
}

// From the file, from the terminal, or empty: the directory makes one.
Result<std::string> password_for(const Arguments& a) {
  if (!a.password_file.empty()) return password_of_file(a.password_file);
  if (a.json || !can_ask_for_password()) return std::string();
  return ask_for_password("Password of " + a.name + " (at least 12 characters)");
}

Result<Shown> create(const Arguments& a, const Operator& on) {
  platform::MemberDraft draft{.name = a.name, .workspaces = a.workspaces};
  AUTARK_TRY(draft.roles, roles_of(a));
  AUTARK_TRY(draft.password, password_for(a));
  AUTARK_TRY(const auto made, value_of(on.directory().create_member(on.who, draft)));
  return shown(a, on, made.member, made.password);
}

Result<Shown> list(const Arguments& a, const Operator& on) {
  AUTARK_TRY(const auto all, value_of(on.directory().members(on.who)));
  if (a.json) {
    Json data = Json::array();
    for (const platform::Member& m : all) data.push_back(platform::member_json(m));
    return Shown(list_json(std::move(data)));
  }
  AUTARK_TRY(const auto workspaces, value_of(on.directory().workspaces(on.who)));
  return Shown(table_of(all, workspaces));
}

Result<Shown> show(const Arguments& a, const Operator& on) {
  AUTARK_TRY(const auto found, value_of(on.directory().member(on.who, a.name), a.name, "members list"));
  return shown(a, on, found);
}

Result<Shown> change(const Arguments& a, const Operator& on) {
  std::optional<std::vector<platform::Role>> roles;
  std::optional<std::vector<std::string>> workspaces;
  if (!a.roles.empty()) {
    AUTARK_TRY(roles, roles_of(a));
  }
  if (!a.workspaces.empty()) workspaces = a.workspaces;
  if (!roles && !workspaces) return Error{Code::invalid, "nothing to change: give --roles or --workspaces"};
  AUTARK_TRY(const auto changed, value_of(on.directory().change_member(on.who, a.name, roles, workspaces),
                                          a.name, "members list"));
  return shown(a, on, changed);
}

Result<Shown> enable(const Arguments& a, const Operator& on, bool enabled) {
  AUTARK_TRY(const auto changed,
             value_of(on.directory().enable_member(on.who, a.name, enabled), a.name, "members list"));
  return shown(a, on, changed);
}

Result<Shown> reset_password(const Arguments& a, const Operator& on) {
  AUTARK_TRY(const std::string wished, password_for(a));
  AUTARK_TRY(const std::string password,
             value_of(on.directory().reset_password(on.who, a.name, wished), a.name, "members list"));
  AUTARK_TRY(const auto member, value_of(on.directory().member(on.who, a.name), a.name, "members list"));
  return shown(a, on, member, wished.empty() ? password : "");
}

Result<Shown> reset_totp(const Arguments& a, const Operator& on) {
  if (const auto fault = on.directory().reset_totp(on.who, a.name))
    return error_of(*fault, a.name, "members list");
  return show(a, on);
}

using Do = Result<Shown> (*)(const Arguments&, const Operator&);

// A command on one member, or on all if it has no name.
std::pair<Command, std::shared_ptr<Arguments>> add(const Command& parent, const char* name, const char* help,
                                                   bool named, Do work) {
  const auto a = std::make_shared<Arguments>();
  const Command c = parent.command(name, help);
  if (named) c.option("MEMBER,--name", a->name, "The name for sign-in, or the id", {.required = true});
  add_platform_options(c, *a);
  runs_on_platform(c, a, work);
  return {c, a};
}

void add_rights(const Command& c, Arguments& a) {
  c.option("--roles", a.roles, "system, security, audit or developer; several are divided by commas",
           {.one_value_each = true, .commas = true, .kind = "ROLES"});
  c.option("--workspaces", a.workspaces, "Workspaces that a developer works in, divided by commas",
           {.one_value_each = true, .commas = true, .kind = "NAMES"});
}

void add_password_file(const Command& c, Arguments& a) {
  c.option(
      "--password-file", a.password_file,
      "A file whose first line is the password; - for standard input (asked for on a terminal; else one is "
      "made and shown once)",
      {.kind = "FILE"});
}

}  // namespace

void add_members_command(const Command& program) {
  const Command c = program.command("members", "People who sign in to the console of a platform");
  const auto [made, made_with] = add(c, "create", "Make one", true, create);
  add_rights(made, *made_with);
  add_password_file(made, *made_with);
  add(c, "list", "All members", false, list);
  add(c, "show", "One member", true, show);
  const auto [changed, changed_with] = add(c, "change", "Set roles or workspaces", true, change);
  add_rights(changed, *changed_with);
  add(c, "disable", "End its sessions, stop its keys and refuse its sign-in until it is enabled again", true,
      [](const Arguments& a, const Operator& on) { return enable(a, on, false); });
  add(c, "enable", "Undo disable", true,
      [](const Arguments& a, const Operator& on) { return enable(a, on, true); });
  const auto [reset, reset_with] =
      add(c, "reset-password", "Set another password; its sessions end", true, reset_password);
  add_password_file(reset, *reset_with);
  add(c, "reset-totp", "Forget its second factor, which it then sets anew when it signs in", true,
      reset_totp);
  c.footer(
      "Examples:\n  autark platform init --dir team\n"
      "  autark members create ada --roles system --platform team\n"
      "  autark members create bo --roles developer --workspaces default --platform team --json\n"
      "  autark members list --platform team");
}

}  // namespace autark::apps
