#include <algorithm>
#include "platform/directory_rows.h"
#include "platform/limit_text.h"

namespace autark::platform {
namespace {

constexpr int64_t kAmountMax = 1'000'000'000'000'000'000;  // also of nanos: a thousand million of a currency
constexpr Micros kRaiseMax = 31 * kDay;
// The last column: the currency of the account that a budget belongs to.
constexpr const char* kLimits =
    "SELECT r.level, r.subject, r.model, r.kind, r.amount, r.period, r.raised, r.until,"
    " CASE r.level WHEN 'account' THEN (SELECT currency FROM account WHERE id = r.subject)"
    " WHEN 'workspace' THEN (SELECT a.currency FROM account a JOIN workspace w ON w.account = a.id"
    "  WHERE w.id = r.subject)"
    " WHEN 'key' THEN (SELECT a.currency FROM account a JOIN workspace w ON w.account = a.id"
    "  JOIN api_key k ON k.workspace = w.id WHERE k.id = r.subject) END FROM rate_limit r";
constexpr const char* kOrder = " ORDER BY r.level, r.subject, r.model, r.kind";

std::optional<Limit> limit_of(const storage::Row& row) {
  const auto kind = limit_kind_named(row.text(3));
  if (!kind) return {};
  return Limit{.level = row.text(0),
               .subject = row.text(1),
               .model = row.text(2),
               .kind = *kind,
               .amount = row.number(4),
               .period = row.text(5),
               .raised = row.number(6),
               .until = row.number(7),
               .currency = row.text(8)};
}

std::vector<Limit> limits_of(const std::vector<storage::Row>& rows) {
  std::vector<Limit> found;
  for (const auto& row : rows)
    if (auto limit = limit_of(row)) found.push_back(std::move(*limit));
  return found;
}

std::optional<Limit> find_limit(Query& query, const Limit& limit) {
  const auto found = limits_of(
      query.rows(std::string(kLimits) + " WHERE level = $1 AND subject = $2 AND model = $3 AND kind = $4",
                 {limit.level, limit.subject, limit.model, std::string(name_of(limit.kind))}));
  return found.empty() ? std::nullopt : std::optional(found[0]);
}

// The id of what `subject` names, for someone who may do this; refuses what is not there.
std::string subject_id(Query& query, const Actor& who, Act act, const Limit& limit, Micros now) {
  if (limit.level == "workspace") return reachable_workspace(query, who, act, limit.subject).id;
  if (limit.level == "key") return reachable_key(query, who, act, limit.subject, now).id;
  if (limit.level != "account" && limit.level != "model")
    return query.refuse(invalid("level", "a limit's level is account, workspace, key or model"));
  if (is_refused(query, who, act)) return {};
  if (limit.level == "model") return limit.subject;
  const auto account = find_account(query, limit.subject.empty() ? who.account : limit.subject);
  if (!account || account->id != who.account) return query.refuse(no_such("account"));
  return account->id;
}

void check(Query& query, const Limit& limit) {
  const bool is_budget = limit.kind == LimitKind::budget;
  if (limit.amount < 0 || limit.amount > kAmountMax)
    query.refuse(invalid("amount", "a limit's amount is between 0 and 10^18"));
  if (is_budget && limit.period != "total" && limit.period != "day" && limit.period != "month")
    query.refuse(invalid("period", "a budget's period is total, day or month"));
  if (limit.subject.empty() || limit.subject.size() > 256 || limit.model.size() > 256)
    query.refuse(invalid("subject", "a limit has a subject of 1 to 256 bytes, and a model of at most 256"));
  if (limit.level == "model" && !limit.model.empty())
    query.refuse(invalid("model", "a limit of a model has the model as its subject"));
}

// Accounts see and change what is theirs; limits of models are the platform's.
bool is_seen(const Actor& who, const Limit& limit, const std::vector<Workspace>& workspaces,
             const std::vector<Key>& keys) {
  const auto is_subject = [&](const auto& of) { return of.id == limit.subject; };
  if (limit.level == "workspace") return std::ranges::any_of(workspaces, is_subject);
  if (limit.level == "key") return std::ranges::any_of(keys, is_subject);
  return sees_all(who) && (limit.level == "model" || limit.subject == who.account);
}

std::vector<Limit> seen_limits(Query& query, const Actor& who, Micros now) {
  std::vector<Workspace> workspaces = all_workspaces(query, who.account);
  std::vector<Key> keys = all_keys(query, who.account, now);
  std::erase_if(workspaces, [&](const auto& w) { return refusal(who, Act::see, w.id, false).has_value(); });
  std::erase_if(keys, [&](const auto& k) { return refusal(who, Act::see, k.workspace, false).has_value(); });
  std::vector<Limit> found = limits_of(query.rows(std::string(kLimits) + kOrder));
  std::erase_if(found, [&](const Limit& l) { return !is_seen(who, l, workspaces, keys); });
  return found;
}

}  // namespace

void put_limit(Query& query, const Limit& limit) {
  check(query, limit);
  const bool is_budget = limit.kind == LimitKind::budget;
  query.change(
      "INSERT INTO rate_limit (level, subject, model, kind, amount, period) VALUES ($1, $2, $3, $4, $5, $6)"
      " ON CONFLICT (level, subject, model, kind) DO UPDATE SET amount = excluded.amount, period = "
      "excluded.period",
      {limit.level, limit.subject, limit.model, std::string(name_of(limit.kind)), limit.amount,
       std::string(is_budget ? limit.period : "total")});
}

api::ApiResult<std::vector<Limit>> Directory::limits(const Actor& who, const std::string& level,
                                                     const std::string& subject) {
  return transact(*database_, Kind::reads, [&](Query& query) -> std::vector<Limit> {
    std::string id = subject;
    const Limit wanted{.level = level, .subject = subject};
    if (!level.empty() && !subject.empty()) id = subject_id(query, who, Act::see, wanted, clock_());
    std::vector<Limit> found = seen_limits(query, who, clock_());
    std::erase_if(found, [&](const Limit& l) {
      return (!level.empty() && l.level != level) || (!id.empty() && l.subject != id);
    });
    return found;
  });
}

api::ApiResult<Limit> Directory::set_limit(const Actor& who, const Limit& limit) {
  return transact(*database_, Kind::changes, [&](Query& query) -> Limit {
    Limit named = limit;
    named.subject = subject_id(query, who, Act::change_limits, limit, clock_());
    put_limit(query, named);
    return find_limit(query, named).value_or(Limit{});
  });
}

std::optional<api::ApiError> Directory::clear_limit(const Actor& who, const Limit& limit) {
  return fault_of(transact(*database_, Kind::changes, [&](Query& query) -> Done {
    const std::string id = subject_id(query, who, Act::change_limits, limit, clock_());
    query.change("DELETE FROM rate_limit WHERE level = $1 AND subject = $2 AND model = $3 AND kind = $4",
                 {limit.level, id, limit.model, std::string(name_of(limit.kind))});
    return {};
  }));
}

api::ApiResult<Limit> Directory::raise_limit(const Actor& who, const Limit& limit) {
  return transact(*database_, Kind::changes, [&](Query& query) -> Limit {
    const Micros now = clock_();
    Limit named = limit;
    named.subject = subject_id(query, who, Act::change_limits, limit, now);
    const auto found = find_limit(query, named);
    if (query.failed()) return {};
    if (!found) return query.refuse(no_such("limit"));
    if (limit.until <= now || limit.until > now + kRaiseMax)
      return query.refuse(invalid("until", "a raise ends after now, and within 31d"));
    if (limit.raised <= found->amount || limit.raised > kAmountMax)
      return query.refuse(invalid("amount", "a raise is above the limit, which is " +
                                                limit_text(*found, found->currency) + ", and at most 10^18"));
    query.change(
        "UPDATE rate_limit SET raised = $5, until = $6 WHERE level = $1 AND subject = $2 AND model = $3 AND "
        "kind = $4",
        {named.level, named.subject, named.model, std::string(name_of(named.kind)), limit.raised,
         limit.until});
    return find_limit(query, named).value_or(Limit{});
  });
}

Result<std::vector<Limit>> Directory::all_limits() {
  const auto found = transact(*database_, Kind::reads, [](Query& query) {
    return limits_of(query.rows(std::string(kLimits) + kOrder));
  });
  if (const auto* fault = std::get_if<api::ApiError>(&found)) return Error{Code::io, fault->message};
  return std::get<std::vector<Limit>>(found);
}

}  // namespace autark::platform
