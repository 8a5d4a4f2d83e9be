#include "apps/cmd_keys.h"
#include "apps/limit_options.h"
#include "apps/platform_access.h"
#include "apps/platform_tables.h"
#include "apps/secret_file.h"
#include "platform/directory_json.h"

namespace autark::apps {
namespace {

struct Arguments : PlatformArguments {
  platform::KeyDraft draft;
  std::string name;  // of a key that is there
  std::string role = "developer", expires, overlap = "24h";
  LimitOptions limits;
  std::filesystem::path secret_file;
  bool all = false;
};

Result<std::vector<platform::Limit>> limits_of_key(const Operator& on, const std::string& id) {
  return value_of(on.directory().limits(on.who, "key", id));
}

Result<Json> object_of(const Operator& on, const platform::Key& key) {
  AUTARK_TRY(const auto limits, limits_of_key(on, key.id));
  return platform::key_json(key, platform::limits_json(limits, on.account.currency, platform::system_now()));
}

// The key, and with it its secret where that is known and not written to a file.
Result<Shown> shown(const Arguments& a, const Operator& on, const platform::Key& key,
                    const std::string& secret = {}) {
  if (a.json) {
    AUTARK_TRY(Json object, object_of(on, key));
    if (!secret.empty()) object["secret"] = secret;
    return Shown(std::move(object));
  }
  AUTARK_TRY(const auto limits, limits_of_key(on, key.id));
  Facts facts = facts_of(key, limits, on.account.currency, platform::system_now());
  if (!secret.empty()) facts.emplace_back("secret", secret + "  (it is not shown again)");
  return Shown(fact_lines(facts));
}

Result<Shown> shown_with_secret(const Arguments& a, const Operator& on, const platform::MadeKey& made) {
  if (a.secret_file.empty()) return shown(a, on, made.key, made.secret);
  if (auto e = write_secret(a.secret_file, made.secret)) return *e;
  return shown(a, on, made.key);
}

Result<Shown> create(const Arguments& a, const Operator& on) {
  if (auto e = fault_of_secret_file(a.secret_file)) return *e;
  platform::KeyDraft draft = a.draft;
  AUTARK_TRY(draft.role, platform::role_named(a.role));
  AUTARK_TRY(draft.limits, limits_from(a.limits, on.account.currency));
  if (!a.expires.empty()) {
    AUTARK_TRY(draft.expires, platform::parse_moment(a.expires, platform::system_now()));
  }
  AUTARK_TRY(const auto made,
             value_of(on.directory().create_key(on.who, draft), draft.workspace, "workspaces list"));
  return shown_with_secret(a, on, made);
}

Result<Shown> list(const Arguments& a, const Operator& on) {
  AUTARK_TRY(
      const auto all,
      value_of(on.directory().keys(on.who, {.workspace = a.draft.workspace, .include_disabled = a.all}),
               a.draft.workspace, "workspaces list"));
  if (!a.json) return Shown(table_of(all, platform::system_now()));
  Json data = Json::array();
  for (const platform::Key& key : all) {
    AUTARK_TRY(Json object, object_of(on, key));
    data.push_back(std::move(object));
  }
  return Shown(list_json(std::move(data)));
}

Result<Shown> show(const Arguments& a, const Operator& on) {
  AUTARK_TRY(const auto key, value_of(on.directory().key(on.who, a.name), a.name, "keys list --all"));
  return shown(a, on, key);
}

Result<Shown> enable(const Arguments& a, const Operator& on, bool enabled) {
  AUTARK_TRY(const auto key,
             value_of(on.directory().enable_key(on.who, a.name, enabled), a.name, "keys list --all"));
  return shown(a, on, key);
}

Result<Shown> rotate(const Arguments& a, const Operator& on) {
  if (auto e = fault_of_secret_file(a.secret_file)) return *e;
  platform::Micros overlap = 0;
  if (a.overlap != "0") {
    AUTARK_TRY(overlap, platform::parse_duration(a.overlap));
  }
  AUTARK_TRY(const auto made,
             value_of(on.directory().rotate_key(on.who, a.name, overlap), a.name, "keys list --all"));
  return shown_with_secret(a, on, made);
}

using Do = Result<Shown> (*)(const Arguments&, const Operator&);

std::pair<Command, std::shared_ptr<Arguments>> add(const Command& parent, const char* name, const char* help,
                                                   bool named, Do work) {
  const auto a = std::make_shared<Arguments>();
  const Command c = parent.command(name, help);
  if (named) c.option("KEY", a->name, "Its id, visible prefix or name", {.required = true});
  add_platform_options(c, *a);
  runs_on_platform(c, a, work);
  return {c, a};
}

void add_scope(const Command& c, Arguments& a) {
  const auto list = [&](const char* name, std::vector<std::string>& into, const char* help) {
    c.option(name, into, help, {.one_value_each = true, .commas = true, .kind = "LIST"});
  };
  list("--models", a.draft.models, "Names of the models that it may use (all)");
  list("--routes", a.draft.routes, "Paths that it may use: /v1/chat/completions, or /v1/* (all)");
  list("--ips", a.draft.ips, "Addresses or networks it may be used from: 10.0.0.0/8 (all)");
  c.option("--expires", a.expires, "When it ends: 30d, 12h, 2027-01-31 or 2027-01-31T12:00:00Z (never)",
           {.kind = "TIME"});
  c.option("--role", a.role, "What it may do beyond its own requests",
           {.rule = one_of({"developer", "system", "security", "audit"}), .shows_default = true});
  c.option("--member", a.draft.member, "Whose it is: it stops with this member (the workspace's)",
           {.kind = "MEMBER"});
}

void add_create(const Command& parent) {
  const auto [c, a] = add(parent, "create", "Make one. Its secret is shown once", false, create);
  c.option("NAME,--name", a->draft.name, "Its name", {.required = true});
  c.option("--workspace", a->draft.workspace, "The workspace that it belongs to, by name or id",
           {.required = true, .kind = "WORKSPACE"});
  add_scope(c, *a);
  add_limit_options(c, a->limits);
  add_secret_file(c, a->secret_file);
}

}  // namespace

void add_keys_command(const Command& program) {
  const Command c = program.command("keys", "API keys of a platform");
  add_create(c);
  const auto [listed, listed_with] = add(c, "list", "Keys with their last use", false, list);
  listed.option("--workspace", listed_with->draft.workspace, "Of this workspace only", {.kind = "WORKSPACE"});
  listed.flag("--all", listed_with->all, "Also those that are disabled");
  add(c, "show", "One key with its limits", true, show);
  add(c, "disable", "Refuse it until it is enabled again", true,
      [](const Arguments& a, const Operator& on) { return enable(a, on, false); });
  add(c, "enable", "Undo disable", true,
      [](const Arguments& a, const Operator& on) { return enable(a, on, true); });
  const auto [rotated, rotated_with] =
      add(c, "rotate", "Give it a new secret; id, limits and usage stay", true, rotate);
  rotated.option("--overlap", rotated_with->overlap,
                 "How long the old secret works yet: 24h, 15m; 0: not at all",
                 {.shows_default = true, .kind = "TIME"});
  add_secret_file(rotated, rotated_with->secret_file);
  c.footer(
      "Examples:\n  autark platform init --dir team\n"
      "  autark keys create ada --workspace default --rpm 60 --budget 20CNY --expires 30d --platform team\n"
      "  autark keys list --platform team\n"
      "  autark keys rotate ada --overlap 1h --platform team --json");
}

}  // namespace autark::apps
