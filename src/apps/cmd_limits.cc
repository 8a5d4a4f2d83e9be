#include "apps/cmd_limits.h"
#include "apps/limit_options.h"
#include "apps/platform_access.h"
#include "apps/platform_tables.h"
#include "platform/directory_json.h"

namespace autark::apps {
namespace {

using platform::Limit;

// Which limits a command is about.
struct Arguments : PlatformArguments {
  std::string workspace, key, model;
  LimitOptions limits;
  std::string until;
  std::vector<std::string> kinds;  // of clear
};

// The level and the subject: the key, else the workspace, else the model, else the account. With a key, a workspace or
// --account, --model narrows the limit to one model.
Limit subject_of(const Arguments& a, const Operator& on) {
  if (!a.key.empty()) return {.level = "key", .subject = a.key, .model = a.model};
  if (!a.workspace.empty()) return {.level = "workspace", .subject = a.workspace, .model = a.model};
  if (!a.model.empty() && a.PlatformArguments::account.empty()) return {.level = "model", .subject = a.model};
  return {.level = "account", .subject = on.account.id, .model = a.model};
}

// The command that shows what a limit may belong to.
std::string list_of(const Limit& limit) {
  return limit.level == "key"         ? "keys list --all"
         : limit.level == "workspace" ? "workspaces list"
                                      : "limits list";
}

// The limits that the options name.
Result<std::vector<Limit>> wanted(const Arguments& a, const Operator& on) {
  AUTARK_TRY(std::vector<Limit> limits, limits_from(a.limits, on.account.currency));
  if (limits.empty())
    return Error{Code::invalid, "no limit is named; give --rpm, --tpm, --concurrency, --burst or --budget"};
  for (Limit& limit : limits) {
    const Limit about = subject_of(a, on);
    limit.level = about.level, limit.subject = about.subject, limit.model = about.model;
  }
  return limits;
}

Result<Shown> shown(const Arguments& a, const Operator& on, const std::vector<Limit>& limits) {
  const platform::Micros now = platform::system_now();
  if (a.json) return Shown(list_json(platform::limits_json(limits, on.account.currency, now)));
  LimitNames names{.account = on.account.name};
  AUTARK_TRY(names.workspaces, value_of(on.directory().workspaces(on.who)));
  AUTARK_TRY(names.keys, value_of(on.directory().keys(on.who, {.include_disabled = true})));
  return Shown(table_of(limits, names, on.account.currency, now));
}

Result<Shown> set(const Arguments& a, const Operator& on) {
  AUTARK_TRY(std::vector<Limit> limits, wanted(a, on));
  for (Limit& limit : limits) {
    AUTARK_TRY(limit, value_of(on.directory().set_limit(on.who, limit), limit.subject, list_of(limit)));
  }
  return shown(a, on, limits);
}

Result<Shown> raise(const Arguments& a, const Operator& on) {
  AUTARK_TRY(std::vector<Limit> limits, wanted(a, on));
  AUTARK_TRY(const platform::Micros until, platform::parse_moment(a.until, platform::system_now()));
  for (Limit& limit : limits) {
    limit.raised = limit.amount;
    limit.until = until;
    AUTARK_TRY(limit, value_of(on.directory().raise_limit(on.who, limit), limit.subject, "limits list"));
  }
  return shown(a, on, limits);
}

Result<Shown> list(const Arguments& a, const Operator& on) {
  Limit about = subject_of(a, on);
  const bool all = a.key.empty() && a.workspace.empty() && a.model.empty();
  if (all) about.level = about.subject = "";
  AUTARK_TRY(std::vector<Limit> limits, value_of(on.directory().limits(on.who, about.level, about.subject),
                                                 about.subject, list_of(about)));
  std::erase_if(limits, [&](const Limit& l) { return !about.model.empty() && l.model != about.model; });
  return shown(a, on, limits);
}

Result<Shown> clear(const Arguments& a, const Operator& on) {
  for (const std::string& kind : a.kinds) {
    Limit limit = subject_of(a, on);
    AUTARK_TRY(limit.kind, platform::limit_kind_named(kind));
    if (const auto fault = on.directory().clear_limit(on.who, limit))
      return error_of(*fault, limit.subject, list_of(limit));
  }
  return list(a, on);
}

void add_subject(const Command& c, Arguments& a) {
  c.option("--workspace", a.workspace, "Of this workspace, by name or id", {.kind = "WORKSPACE"});
  c.option("--key", a.key, "Of this key, by id, prefix or name", {.kind = "KEY"});
  c.option("--model", a.model,
           "Of this model; with --key, --workspace or --account: of what these send to this model",
           {.kind = "MODEL"});
}

using Do = Result<Shown> (*)(const Arguments&, const Operator&);

std::pair<Command, std::shared_ptr<Arguments>> add(const Command& parent, const char* name, const char* help,
                                                   Do work) {
  const auto a = std::make_shared<Arguments>();
  const Command c = parent.command(name, help);
  add_platform_options(c, *a);
  add_subject(c, *a);
  runs_on_platform(c, a, work);
  return {c, a};
}

}  // namespace

void add_limits_command(const Command& program) {
  const Command c = program.command(
      "limits", "How much the account, a workspace, a key or a model may use; a request must fit in all");
  const auto [setting, set_with] = add(c, "set", "Set limits; without a subject those of the account", set);
  add_limit_options(setting, set_with->limits);
  const auto [raising, raise_with] = add(c, "raise", "Raise limits that are set, for a time", raise);
  add_limit_options(raising, raise_with->limits);
  raising.option("--until", raise_with->until,
                 "When the raise ends by itself: 2h, 3d or 2027-01-31T12:00:00Z",
                 {.required = true, .kind = "TIME"});
  const auto [clearing, clear_with] = add(c, "clear", "Remove limits", clear);
  clearing.option("KIND", clear_with->kinds,
                  "rpm, tpm, concurrency, burst or budget; several are divided by commas",
                  {.required = true, .commas = true});
  add(c, "list", "Limits that are set", list);
  c.footer(
      "Examples:\n  autark platform init --dir team\n"
      "  autark limits set --workspace default --rpm 600 --budget 100CNY/month --platform team\n"
      "  autark limits raise --workspace default --rpm 1200 --until 2h --platform team\n"
      "  autark limits list --platform team\n"
      "  autark limits clear budget --workspace default --platform team");
}

}  // namespace autark::apps
