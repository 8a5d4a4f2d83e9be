#include "apps/cmd_usage.h"
#include <algorithm>
#include "apps/platform_access.h"
#include "apps/platform_tables.h"
#include "apps/text_table.h"
#include "platform/directory_json.h"
#include "platform/money.h"
#include "platform/usage_report.h"

namespace autark::apps {
namespace {

struct Arguments : PlatformArguments {
  std::string from = "30d", to, zone;
  std::vector<std::string> by, workspaces, keys, models, users;
  bool csv = false;
};

// A moment: "7d" is seven days ago.
Result<platform::Micros> past_moment(const std::string& text) {
  const platform::Micros now = platform::system_now();
  if (const auto ago = platform::parse_duration(text)) return now - *ago;
  return platform::parse_moment(text, now);
}

// Names or ids as ids.
template <class Find>
Result<std::vector<std::string>> ids_of(const std::vector<std::string>& names, const char* list, Find find) {
  std::vector<std::string> ids;
  for (const std::string& name : names) {
    AUTARK_TRY(const auto found, value_of(find(name), name, list));
    ids.push_back(found.id);
  }
  return ids;
}

Result<platform::UsageQuery> query_of(const Arguments& a, const Operator& on) {
  platform::UsageQuery q{.account = on.account.id, .models = a.models, .users = a.users};
  q.by = a.by.empty() ? std::vector<std::string>{"day"} : a.by;
  AUTARK_TRY(q.from, past_moment(a.from));
  if (!a.to.empty()) {
    AUTARK_TRY(q.to, past_moment(a.to));
  }
  AUTARK_TRY(q.workspaces, ids_of(a.workspaces, "workspaces list", [&](const std::string& name) {
               return on.directory().workspace(on.who, name);
             }));
  AUTARK_TRY(q.keys, ids_of(a.keys, "keys list --all",
                            [&](const std::string& name) { return on.directory().key(on.who, name); }));
  AUTARK_TRY(q.zone, platform::TimeZone::named(a.zone.empty() ? on.platform.file.time_zone : a.zone));
  return q;
}

// Ids of workspaces and keys as names.
class Names {
 public:
  static Result<Names> of(const Operator& on) {
    Names names;
    AUTARK_TRY(const auto workspaces, value_of(on.directory().workspaces(on.who)));
    AUTARK_TRY(const auto keys, value_of(on.directory().keys(on.who, {.include_disabled = true})));
    for (const auto& w : workspaces) names.by_id_[w.id] = w.name;
    for (const auto& k : keys) names.by_id_[k.id] = k.name;
    return names;
  }
  std::string operator()(const std::string& id) const {
    const auto found = by_id_.find(id);
    return found == by_id_.end() ? id : found->second;
  }

 private:
  std::map<std::string, std::string> by_id_;
};

void add_row(TextTable& table, std::vector<std::string> cells, const platform::UsageRow& row) {
  const platform::Tokens& t = row.tokens;
  for (const int64_t n : {row.requests, t.input, t.cached, t.cache_write, t.output, t.reasoning})
    cells.push_back(grouped(n));
  cells.push_back(platform::amount_text(row.cost));
  table.add(cells);
}

std::string table_text(const platform::UsageQuery& q, const platform::UsageReport& report, const Names& names,
                       const std::string& currency) {
  std::vector<std::string> titles = q.by;
  for (const char* title : {">requests", ">input", ">cached", ">cache write", ">output", ">reasoning"})
    titles.emplace_back(title);
  titles.push_back(">cost in " + currency);
  TextTable table(titles);
  for (const platform::UsageRow& row : report.rows) {
    std::vector<std::string> cells;
    for (const std::string& key : row.keys) cells.push_back(names(key));
    add_row(table, std::move(cells), row);
  }
  if (report.rows.empty()) return "Nothing was used in this time.\n";
  std::vector<std::string> total(q.by.size(), " ");
  total[0] = "total";
  add_row(table, std::move(total), report.total);
  return table.text("");
}

Result<Shown> usage(const Arguments& a, const Operator& on) {
  AUTARK_TRY(const platform::UsageQuery query, query_of(a, on));
  AUTARK_TRY(const platform::UsageReport report, platform::usage(*on.platform.database, query));
  if (a.csv) return Shown(platform::usage_csv(query, report, on.account.currency));
  if (a.json) return Shown(platform::usage_json(query, report, on.account.currency));
  AUTARK_TRY(const Names names, Names::of(on));
  return Shown(table_text(query, report, names, on.account.currency));
}

Result<Shown> balance(const PlatformArguments& a, const Operator& on) {
  const auto ledger = on.ledger();
  AUTARK_TRY(const platform::Balance balance, ledger->balance(on.account.id));
  AUTARK_TRY(const auto credits, ledger->credits(on.account.id));
  if (a.json) return Shown(platform::balance_json(balance, credits));
  return Shown(fact_lines(facts_of(balance)) + (credits.empty() ? "" : "\n" + table_of(credits)));
}

}  // namespace

void add_usage_command(const Command& program) {
  const auto a = std::make_shared<Arguments>();
  const Command c = program.command("usage", "What was used and what it cost, of a platform");
  add_platform_options(c, *a);
  const auto list = [&](const char* name, std::vector<std::string>& into, const char* help) {
    c.option(name, into, help, {.one_value_each = true, .commas = true, .kind = "LIST"});
  };
  c.option("--from", a->from,
           "The beginning: a time (2026-11-01, 2026-11-01T08:00:00+08:00), or how long ago (7d, 2h)",
           {.shows_default = true, .kind = "TIME"});
  c.option("--to", a->to, "The end, which is not in it (now)", {.kind = "TIME"});
  list("--by", a->by,
       "A row for each minute, hour or day, workspace, key, model, user, service, outcome (day)");
  list("--workspace", a->workspaces, "Of these workspaces only");
  list("--key", a->keys, "Of these keys only");
  list("--model", a->models, "Of these models only");
  list("--user", a->users, "Of these labels of users only");
  c.option("--time-zone", a->zone, "Of hours and days (the platform's)", {.kind = "ZONE"});
  c.flag("--csv", a->csv, "Show CSV, the same as the admin API's");
  runs_on_platform(c, a, usage);
  c.footer(
      "Examples:\n  autark platform init --dir team\n"
      "  autark usage --from 7d --by day,key --platform team\n"
      "  autark usage --from 2026-11-01 --by model --csv --platform team");
}

void add_balance_command(const Command& program) {
  const auto a = std::make_shared<PlatformArguments>();
  const Command c =
      program.command("balance", "What is left of an account's money and credits, of a platform");
  add_platform_options(c, *a);
  runs_on_platform(c, a, balance);
  c.footer("Examples:\n  autark platform init --dir team\n  autark balance --platform team");
}

}  // namespace autark::apps
