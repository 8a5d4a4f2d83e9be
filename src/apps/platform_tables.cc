#include "apps/platform_tables.h"
#include <fmt/chrono.h>
#include <fmt/ranges.h>
#include <algorithm>
#include "apps/text_table.h"
#include "platform/limit_text.h"
#include "platform/money.h"

namespace autark::apps {
namespace {

using namespace platform;

std::string listed(const std::vector<std::string>& words, const char* none) {
  return words.empty() ? none : fmt::format("{}", fmt::join(words, ", "));
}

std::string roles_of(const Member& member) {
  std::vector<std::string> names;
  for (const Role role : member.roles) names.emplace_back(name_of(role));
  return listed(names, "developer");
}

std::string workspaces_of(const Member& member, const std::vector<Workspace>& workspaces) {
  std::vector<std::string> names;
  for (const Workspace& w : workspaces)
    if (std::ranges::find(member.workspaces, w.id) != member.workspaces.end()) names.push_back(w.name);
  return listed(names, "none");
}

std::string state_of(const std::optional<Micros>& disabled) {
  return disabled ? "disabled" : "active";
}

// A limit and, while it is raised, how far and until when.
std::string now_of(const Limit& limit, const std::string& currency, Micros now) {
  if (limit.until <= now) return limit_text(limit, currency);
  return fmt::format("{}, raised to {} until {} UTC", limit_text(limit, currency),
                     amount_text(limit, limit.raised, currency), time_text(limit.until));
}

std::string limits_of(const std::vector<Limit>& limits, const std::string& currency, Micros now) {
  std::vector<std::string> texts;
  for (const Limit& limit : limits) texts.push_back(now_of(limit, currency, now));
  return listed(texts, "none of its own");
}

// The file that counts now: the last one that is valid.
const PriceRecord* current(const std::vector<PriceRecord>& files, Micros now) {
  const PriceRecord* last = nullptr;
  for (const PriceRecord& f : files)
    if (f.valid_from <= now && (!last || f.valid_from >= last->valid_from)) last = &f;
  return last;
}

std::string credit_amount(int64_t amount, const Credit& credit) {
  return credit.unit == "tokens" ? grouped(amount) + " tokens" : to_text({amount, credit.unit});
}

}  // namespace

std::string time_text(std::optional<Micros> time, const std::string& never) {
  return time ? fmt::format("{:%Y-%m-%d %H:%M}", fmt::gmtime(time_t(*time / kSecond))) : never;
}

std::string state_of(const Key& key, Micros now) {
  if (key.disabled) return "disabled";
  return key.expires && *key.expires <= now ? "expired" : "active";
}

std::string LimitNames::of(const Limit& limit) const {
  const auto named = [&](const auto& all) {
    for (const auto& one : all)
      if (one.id == limit.subject) return limit.level + " " + one.name;
    return limit.level + " " + limit.subject;
  };
  if (limit.level == "key") return named(keys);
  if (limit.level == "workspace") return named(workspaces);
  return limit.level + " " + (limit.level == "account" ? account : limit.subject);
}

std::string table_of(const std::vector<Workspace>& workspaces) {
  TextTable table({"name", "id", ">keys", ">members", "created", "state"});
  for (const Workspace& w : workspaces)
    table.add({w.name, w.id, grouped(w.key_count), grouped(w.member_count), time_text(w.created),
               state_of(w.disabled)});
  return table.text("There are no workspaces; `autark workspaces create NAME` makes one.");
}

std::string table_of(const std::vector<Member>& members, const std::vector<Workspace>& workspaces) {
  TextTable table({"name", "id", "roles", "workspaces", "TOTP", "created", "state"});
  for (const Member& m : members)
    table.add({m.name, m.id, roles_of(m), workspaces_of(m, workspaces), m.totp_set ? "set" : "not set",
               time_text(m.created), state_of(m.disabled)});
  return table.text("There are no members; `autark members create NAME` makes one.");
}

std::string table_of(const std::vector<Key>& keys, Micros now) {
  TextTable table({"name", "id", "prefix", "workspace", "role", "last use", "expires", "state"});
  for (const Key& k : keys)
    table.add({k.name, k.id, k.prefix, k.workspace_name, std::string(name_of(k.role)), time_text(k.used),
               time_text(k.expires), state_of(k, now)});
  return table.text("There are no keys; `autark keys create --workspace W --name N` makes one.");
}

std::string table_of(const std::vector<Limit>& limits, const LimitNames& names, const std::string& currency,
                     Micros now) {
  TextTable table({"of", "kind", "limit"});
  for (const Limit& l : limits)
    table.add({names.of(l), std::string(name_of(l.kind)), now_of(l, currency, now)});
  return table.text("There are no limits; `autark limits set` sets one.");
}

std::string table_of(const std::vector<PriceRecord>& files, Micros now) {
  const PriceRecord* counts = current(files, now);
  TextTable table({"version", "valid from", "added", "state"});
  for (const PriceRecord& f : files)
    table.add({f.version, time_text(f.valid_from), time_text(f.added),
               &f == counts         ? "current"
               : f.valid_from > now ? "to come"
                                    : "past"});
  return table.text(
      "There are no price files, so nothing costs anything; `autark platform prices add FILE` adds one.");
}

std::string table_of(const std::vector<Credit>& credits) {
  TextTable table({"kind", "id", "model", ">amount", ">left", "expires"});
  for (const Credit& c : credits)
    table.add({c.kind, c.id, c.model.empty() ? "all" : c.model, credit_amount(c.amount, c),
               credit_amount(c.amount - c.used, c), c.expires ? time_text(c.expires) : std::string("never")});
  return table.text("No credits.");
}

Facts facts_of(const Workspace& w) {
  return {{"name", w.name},
          {"id", w.id},
          {"keys", grouped(w.key_count)},
          {"members", grouped(w.member_count)},
          {"created", time_text(w.created) + " UTC"},
          {"state", state_of(w.disabled)}};
}

Facts facts_of(const Member& m, const std::vector<Workspace>& workspaces) {
  return {{"name", m.name},
          {"id", m.id},
          {"roles", roles_of(m)},
          {"workspaces", workspaces_of(m, workspaces)},
          {"TOTP", m.totp_set ? "set" : "not set"},
          {"created", time_text(m.created) + " UTC"},
          {"state", state_of(m.disabled)}};
}

Facts facts_of(const Key& k, const std::vector<Limit>& limits, const std::string& currency, Micros now) {
  Facts facts{{"name", k.name},
              {"id", k.id},
              {"prefix", k.prefix},
              {"workspace", k.workspace_name},
              {"member", k.member.empty() ? "none: it is the workspace's" : k.member},
              {"role", std::string(name_of(k.role))},
              {"models", listed(k.models, "all")},
              {"routes", listed(k.routes, "all")},
              {"addresses", listed(k.ips, "all")},
              {"limits", limits_of(limits, currency, now)},
              {"created", time_text(k.created)},
              {"last use", time_text(k.used)},
              {"expires", time_text(k.expires)},
              {"state", state_of(k, now)}};
  if (k.rotating_until)
    facts.emplace_back("old secret", "works until " + time_text(k.rotating_until) + " UTC");
  return facts;
}

Facts facts_of(const Balance& b) {
  const auto sum = [&](int64_t nanos) { return to_text({nanos, b.currency}); };
  return {{"left", sum(b.total())},
          {"topped up", sum(b.topped_up) + (b.topped_up < 0 ? "  (owed)" : "")},
          {"granted", sum(b.granted)},
          {"spent", sum(b.spent)}};
}

}  // namespace autark::apps
