#include "platform/key_snapshot.h"
#include <algorithm>
#include <cstring>
#include "platform/directory_rows.h"

namespace autark::platform {
namespace {

bool is_over(Micros end, Micros now) {
  return end != 0 && now >= end;
}

}  // namespace

bool KeyRecord::has_route(std::string_view path) const {
  if (routes.empty()) return true;
  return std::ranges::any_of(routes, [&](std::string_view route) {
    return route.ends_with('*') ? path.starts_with(route.substr(0, route.size() - 1)) : path == route;
  });
}

bool KeyRecord::has_address(std::string_view address) const {
  if (any_address) return true;
  const auto known = address_from(address);
  return known && std::ranges::any_of(networks, [&](const Network& n) { return n.has(*known); });
}

bool KeyRecord::note_use(Micros now) const {
  Micros before = used.load(std::memory_order_relaxed);
  return now - before >= kMinute && used.compare_exchange_strong(before, now, std::memory_order_relaxed);
}

size_t KeySnapshot::FirstBytes::operator()(const Hash& hash) const {
  size_t value;
  std::memcpy(&value, hash.data(), sizeof value);
  return value;
}

const KeyRecord* KeySnapshot::by_secret(std::string_view secret, Micros now) const {
  const auto at = secrets_.find(hash_of(secret));
  if (at == secrets_.end() || is_over(at->second.expires, now) || is_over(at->second.key->expires, now))
    return {};
  return at->second.key;
}

const KeyRecord* KeySnapshot::by_id(const std::string& id, Micros now) const {
  const auto at = keys_.find(id);
  return at == keys_.end() || is_over(at->second->expires, now) ? nullptr : at->second.get();
}

// Reads all in one transaction.
class SnapshotReader {
 public:
  explicit SnapshotReader(Query& query) : query_(query), made_(std::make_shared<KeySnapshot>()) {}

  std::shared_ptr<const KeySnapshot> read(int64_t version) {
    made_->version = version;
    const auto rows = query_.rows(
        "SELECT k.id, k.workspace, w.account, k.member, k.role, k.models, k.routes, k.ips, k.expires, k.used,"
        " m.roles, m.disabled FROM api_key k JOIN workspace w ON w.id = k.workspace JOIN account a ON a.id = "
        "w.account LEFT JOIN member m ON m.id = k.member"
        " WHERE k.disabled = 0 AND w.disabled = 0 AND a.disabled = 0");
    for (const auto& row : rows) add(row);
    for (const auto& row : query_.rows("SELECT hash, api_key, expires FROM key_secret")) add_secret(row);
    return made_;
  }

 private:
  // A key of a disabled member does not count, nor one whose member has lost its role.
  static bool counts(const storage::Row& row, Role role) {
    if (row.text(3).empty()) return true;
    if (row.is_null(10) || row.number(11) != 0) return false;
    return !is_administrative(role) || std::ranges::count(roles_of(row.text(10)), role) > 0;
  }

  void add(const storage::Row& row) {
    const auto role = role_named(row.text(4));
    if (!role || !counts(row, *role)) return;
    auto caller = std::make_shared<api::Caller>();
    caller->key = row.text(0), caller->workspace = row.text(1), caller->account = row.text(2);
    caller->member = row.text(3), caller->role = *role, caller->models = list_of(row.text(5));
    auto key = std::make_unique<KeyRecord>();
    key->caller = std::move(caller);
    key->routes = list_of(row.text(6));
    const std::vector<std::string> ips = list_of(row.text(7));
    key->any_address = ips.empty();
    for (const std::string& ip : ips)
      if (const auto network = Network::parse(ip)) key->networks.push_back(*network);
    key->expires = row.number(8), key->used = row.number(9);
    made_->keys_[row.text(0)] = std::move(key);
  }

  void add_secret(const storage::Row& row) {
    const auto hash = hash_from_hex(row.text(0));
    const auto key = made_->keys_.find(row.text(1));
    if (hash && key != made_->keys_.end()) made_->secrets_[*hash] = {key->second.get(), row.number(2)};
  }

  Query& query_;
  std::shared_ptr<KeySnapshot> made_;
};

Result<std::shared_ptr<const KeySnapshot>> read_key_snapshot(storage::Database& database, int64_t known) {
  std::shared_ptr<const KeySnapshot> made;
  const auto failed = database.read([&](storage::Transaction& transaction) -> std::optional<Error> {
    Query query(transaction);
    const auto rows = query.rows("SELECT CAST(value AS BIGINT) FROM setting WHERE name = 'version'");
    const int64_t version = rows.empty() ? 0 : rows[0].number(0);
    if (version != known) made = SnapshotReader(query).read(version);
    return query.lost();
  });
  if (failed) return *failed;
  return made;
}

std::optional<Error> write_key_uses(storage::Database& database,
                                    const std::unordered_map<std::string, Micros>& uses) {
  return database.write([&](storage::Transaction& transaction) -> std::optional<Error> {
    Query query(transaction);
    for (const auto& [key, time] : uses)
      query.change("UPDATE api_key SET used = $2 WHERE id = $1 AND used < $2", {key, time});
    return query.lost();
  });
}

}  // namespace autark::platform
