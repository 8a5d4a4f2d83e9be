#include <algorithm>
#include "platform/addresses.h"
#include "platform/directory_rows.h"
#include "platform/secrets.h"

namespace autark::platform {
namespace {

constexpr Micros kOverlapMax = 30 * kDay;
constexpr size_t kListMax = 256, kTextMax = 256;  // entries of a scope, and bytes of one

// $2: now. The last column: until when an older secret works.
constexpr const char* kKeys =
    "SELECT k.id, w.account, k.workspace, w.name, k.name, k.prefix, k.member, k.role, k.models, k.routes, "
    "k.ips,"
    " k.created, k.expires, k.disabled, k.used,"
    " (SELECT MAX(s.expires) FROM key_secret s WHERE s.api_key = k.id AND s.expires > $2)"
    " FROM api_key k JOIN workspace w ON w.id = k.workspace WHERE w.account = $1";

Key key_of(const storage::Row& row) {
  Key key;
  key.id = row.text(0), key.account = row.text(1), key.workspace = row.text(2),
  key.workspace_name = row.text(3);
  key.name = row.text(4), key.prefix = row.text(5), key.member = row.text(6);
  if (const auto role = role_named(row.text(7))) key.role = *role;
  key.models = list_of(row.text(8)), key.routes = list_of(row.text(9)), key.ips = list_of(row.text(10));
  key.created = row.number(11), key.expires = moment(row.number(12)), key.disabled = moment(row.number(13));
  key.used = moment(row.number(14)), key.rotating_until = moment(row.number(15));
  return key;
}

void check_list(Query& query, const char* param, const std::vector<std::string>& list) {
  if (list.size() > kListMax)
    query.refuse(invalid(param, "a key has at most " + std::to_string(kListMax) + " " + param));
  for (const std::string& entry : list)
    if (entry.empty() || entry.size() > kTextMax)
      query.refuse(invalid(param, std::string("an entry of ") + param + " is empty or longer than " +
                                      std::to_string(kTextMax) + " bytes"));
}

void check_scopes(Query& query, const KeyDraft& draft) {
  check_list(query, "models", draft.models);
  check_list(query, "routes", draft.routes);
  check_list(query, "ips", draft.ips);
  for (const std::string& route : draft.routes)
    if (!route.starts_with('/') || std::min(route.find('*'), route.size() - 1) != route.size() - 1)
      query.refuse(
          invalid("routes", "the route '" + route.substr(0, 64) +
                                "' is no path; write /v1/chat/completions, or /v1/* for all below it"));
  for (const std::string& ip : draft.ips)
    if (const auto network = Network::parse(ip); !network)
      query.refuse(invalid("ips", network.error().message));
}

// Whose key it becomes. A developer's keys are its own, and so are administrative keys that a member makes.
std::string owner_of(Query& query, const Actor& who, const KeyDraft& draft) {
  const bool own =
      !who.is_operator && (!sees_all(who) || is_administrative(draft.role)) && !who.member.empty();
  const auto member = draft.member.empty() ? std::nullopt : visible_member(query, who, draft.member);
  if (!draft.member.empty() && !member) return query.refuse(no_such("member"));
  if (own && member && member->id != who.member)
    return query.refuse(invalid("member", "an administrative key belongs to the member that makes it"));
  if (own) return who.member;
  if (member && is_administrative(draft.role) && std::ranges::count(member->roles, draft.role) == 0)
    return query.refuse(invalid("member", "the member " + member->name + " does not hold the role " +
                                              std::string(name_of(draft.role)) + "; give it the role first"));
  return member ? member->id : "";
}

void check_role(Query& query, const Actor& who, Role role) {
  if (!is_administrative(role) || who.is_operator || who.has(role)) return;
  query.refuse(
      {.kind = api::ApiError::Kind::forbidden,
       .message = "only who holds the role " + std::string(name_of(role)) + " may make a key of that role",
       .param = "role",
       .code = "forbidden"});
}

bool has_name(Query& query, const std::string& workspace, const std::string& name) {
  return !query.rows("SELECT id FROM api_key WHERE workspace = $1 AND name = $2", {workspace, name}).empty();
}

void insert_secret(Query& query, const std::string& key, const std::string& secret, Micros now) {
  query.change("INSERT INTO key_secret (hash, api_key, created, expires) VALUES ($1, $2, $3, 0)",
               {hex(hash_of(secret)), key, now});
}

void insert_limits(Query& query, const std::string& key, const std::vector<Limit>& limits) {
  for (Limit limit : limits) {
    limit.level = "key", limit.subject = key;
    put_limit(query, limit);
  }
}

// A developer changes its own keys only.
Key changeable(Query& query, const Actor& who, const std::string& name, Micros now) {
  const Key key = reachable_key(query, who, Act::change_keys, name, now);
  if (query.failed()) return key;
  const bool all = who.is_operator || who.has(Role::system) || who.has(Role::security);
  if (all || (!who.member.empty() && key.member == who.member)) return key;
  return query.refuse({.kind = api::ApiError::Kind::forbidden,
                       .message = "the key " + key.name + " is not yours; ask an administrator",
                       .code = "forbidden"});
}

// The new secret of an administrative key would give its rights.
void check_rotation(Query& query, const Actor& who, const Key& key) {
  check_role(query, who, key.role);
  if (is_administrative(key.role) && !who.is_operator && !key.member.empty() && key.member != who.member)
    query.refuse(
        {.kind = api::ApiError::Kind::forbidden,
         .message = "the administrative key " + key.name + " is another member's; only that one rotates it",
         .code = "forbidden"});
}

Key key_by_id(Query& query, const std::string& account, const std::string& id, Micros now) {
  const auto found = find_keys(query, account, id, now);
  return found.empty() ? Key{} : found[0];
}

}  // namespace

std::vector<Key> find_keys(Query& query, const std::string& account, const std::string& key, Micros now) {
  return query.all(key_of,
                   std::string(kKeys) + " AND (k.id = $3 OR k.prefix = $3 OR k.name = $3) ORDER BY k.id",
                   {account, now, key});
}

std::vector<Key> all_keys(Query& query, const std::string& account, Micros now) {
  return query.all(key_of, std::string(kKeys) + " ORDER BY w.name, k.name, k.id", {account, now});
}

std::string insert_key(Query& query, const std::string& workspace, const std::string& member,
                       const KeyDraft& draft, const std::string& secret, Micros now) {
  const std::string id = new_id("key");
  query.change(
      "INSERT INTO api_key (id, workspace, member, name, role, prefix, routes, models, ips, created, expires)"
      " VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
      {id, workspace, member, draft.name, std::string(name_of(draft.role)), prefix_of(secret),
       list_text(draft.routes), list_text(draft.models), list_text(draft.ips), now,
       draft.expires.value_or(0)});
  insert_secret(query, id, secret, now);
  return id;
}

api::ApiResult<MadeKey> Directory::create_key(const Actor& who, const KeyDraft& draft) {
  const std::string secret = new_key_secret();
  return transact(*database_, Kind::changes, [&](Query& query) -> MadeKey {
    const Workspace workspace = reachable_workspace(query, who, Act::change_keys, draft.workspace);
    const Micros now = clock_();
    check_name(query, draft.name);
    check_scopes(query, draft);
    check_role(query, who, draft.role);
    const std::string member = owner_of(query, who, draft);
    if (draft.expires && *draft.expires <= now)
      return query.refuse(invalid("expires", "the key would have expired already"));
    if (has_name(query, workspace.id, draft.name)) return query.refuse(name_taken("key", draft.name));
    const std::string id = insert_key(query, workspace.id, member, draft, secret, now);
    insert_limits(query, id, draft.limits);
    return {key_by_id(query, who.account, id, now), secret};
  });
}

api::ApiResult<std::vector<Key>> Directory::keys(const Actor& who, const KeyFilter& filter) {
  return transact(*database_, Kind::reads, [&](Query& query) -> std::vector<Key> {
    std::string workspace;
    if (!filter.workspace.empty()) workspace = reachable_workspace(query, who, Act::see, filter.workspace).id;
    std::vector<Key> found = all_keys(query, who.account, clock_());
    std::erase_if(found, [&](const Key& k) {
      return (!workspace.empty() && k.workspace != workspace) || (!filter.include_disabled && k.disabled) ||
             refusal(who, Act::see, k.workspace, false);
    });
    return found;
  });
}

api::ApiResult<Key> Directory::key(const Actor& who, const std::string& key) {
  return transact(*database_, Kind::reads,
                  [&](Query& query) { return reachable_key(query, who, Act::see, key, clock_()); });
}

api::ApiResult<Key> Directory::enable_key(const Actor& who, const std::string& key, bool enabled) {
  return transact(*database_, Kind::changes, [&](Query& query) -> Key {
    const Micros now = clock_();
    const Key found = changeable(query, who, key, now);
    query.change("UPDATE api_key SET disabled = $2 WHERE id = $1", {found.id, enabled ? 0 : now});
    return key_by_id(query, who.account, found.id, now);
  });
}

api::ApiResult<MadeKey> Directory::rotate_key(const Actor& who, const std::string& key, Micros overlap) {
  const std::string secret = new_key_secret();
  return transact(*database_, Kind::changes, [&](Query& query) -> MadeKey {
    const Micros now = clock_();
    const Key found = changeable(query, who, key, now);
    check_rotation(query, who, found);
    if (overlap < 0 || overlap > kOverlapMax)
      return query.refuse(invalid("overlap", "old secrets work for at most 30d after a rotation"));
    query.change("DELETE FROM key_secret WHERE api_key = $1 AND expires <> 0 AND expires <= $2",
                 {found.id, now});
    query.change("UPDATE key_secret SET expires = $2 WHERE api_key = $1 AND (expires = 0 OR expires > $2)",
                 {found.id, now + overlap});
    insert_secret(query, found.id, secret, now);
    query.change("UPDATE api_key SET prefix = $2 WHERE id = $1", {found.id, prefix_of(secret)});
    return {key_by_id(query, who.account, found.id, now), secret};
  });
}

}  // namespace autark::platform
