#include "store/sqlite_store.h"
#include <algorithm>
#include <mutex>
#include <unordered_map>
#include "store/migrations.h"
#include "store/sqlite.h"

namespace autark::storage {
namespace {

int64_t size_of(const Response& r) {
  return int64_t(r.id.size() + r.owner.size() + r.previous.size() + r.body.size() + r.input.size());
}

Error none(const std::string& id) {
  return {Code::not_found, "there is no response '" + id.substr(0, 100) + "'"};
}

// The bytes that each owner has.
struct Shares {
  std::unordered_map<std::string, int64_t> of_owner;
  int64_t all = 0;

  void add(const std::string& owner, int64_t bytes) {
    all += bytes;
    if ((of_owner[owner] += bytes) == 0) of_owner.erase(owner);
  }
  // The owner that has the most, without counting `bytes` of one of them.
  std::string largest(const std::string& owner, int64_t bytes) const {
    const auto most = std::ranges::max_element(
        of_owner, {}, [&](const auto& share) { return share.second - (share.first == owner ? bytes : 0); });
    return most == of_owner.end() ? "" : most->first;
  }
};

Result<Shares> shares_in(Sqlite& db) {
  Shares shares;
  AUTARK_TRY(Statement s, db.prepare("SELECT owner, SUM(bytes) FROM responses GROUP BY owner"));
  int code;
  while ((code = s.step()) == SQLITE_ROW) shares.add(s.text(0), s.number(1));
  if (code != SQLITE_DONE) return db.error("cannot be read");
  return shares;
}

class SqliteStore final : public Store {
 public:
  SqliteStore(Sqlite db, const Limits& limits, Shares shares)
      : limits_(limits), db_(std::move(db)), shares_(std::move(shares)) {}

  std::optional<Error> keep(const Response& r) override {
    const std::lock_guard lock(mutex_);
    const int64_t size = size_of(r);
    if (size > limits_.bytes)
      return Error{Code::exhausted, "the answer is larger than the store (--store-bytes)"};
    if (auto fault = db_.run("BEGIN IMMEDIATE")) return fault;
    auto fault = replace(r, size);
    if (!fault) fault = make_room(r, size);
    if (!fault) fault = db_.run("COMMIT");
    if (fault) return db_.run("ROLLBACK"), recount(), fault;
    return {};
  }

  Result<Response> find(const std::string& id, const std::string& owner, int64_t now) override {
    const std::lock_guard lock(mutex_);
    AUTARK_TRY(Statement s, db_.prepare("SELECT previous, created, body, input FROM responses"
                                        " WHERE id = ? AND owner = ? AND created >= ?"));
    const int code = s.bind(id).bind(owner).bind(now - limits_.seconds).step();
    if (code == SQLITE_DONE) return none(id);
    if (code != SQLITE_ROW) return db_.error("cannot be read");
    return Response{.id = id,
                    .owner = owner,
                    .previous = s.text(0),
                    .created = s.number(1),
                    .body = s.text(2),
                    .input = s.text(3)};
  }

  Result<std::vector<Response>> list(const std::string& prefix, const std::string& owner,
                                     const std::string& after, bool newest_first, int most,
                                     int64_t now) override {
    const std::lock_guard lock(mutex_);
    const std::string order = newest_first ? " DESC" : "", behind = newest_first ? " < " : " > ";
    const std::string sql =
        "SELECT id, previous, created, body FROM responses WHERE owner = ? AND created >= ?"
        " AND substr(id, 1, ?) = ? AND (? = '' OR (created, rowid)" +
        behind + "(SELECT created, rowid FROM responses WHERE id = ?)) ORDER BY created" + order + ", rowid" +
        order + " LIMIT ?";
    AUTARK_TRY(Statement s, db_.prepare(sql.c_str()));
    s.bind(owner).bind(now - limits_.seconds).bind(int64_t(prefix.size())).bind(prefix);
    s.bind(after).bind(after).bind(int64_t{most});
    std::vector<Response> found;
    int code;
    while ((code = s.step()) == SQLITE_ROW)
      found.push_back({.id = s.text(0),
                       .owner = owner,
                       .previous = s.text(1),
                       .created = s.number(2),
                       .body = s.text(3),
                       .input = {}});
    if (code != SQLITE_DONE) return db_.error("cannot be read");
    return found;
  }

  std::optional<Error> erase(const std::string& id, const std::string& owner, int64_t now) override {
    const auto found = find(id, owner, now);
    if (!found) return found.error();
    const std::lock_guard lock(mutex_);
    if (auto fault = remove("DELETE FROM responses WHERE id = ? RETURNING owner, bytes", id)) return fault;
    return empty_log();
  }

  std::optional<Error> tidy(int64_t now) override {
    const std::lock_guard lock(mutex_);
    if (auto fault =
            remove("DELETE FROM responses WHERE created < ? RETURNING owner, bytes", now - limits_.seconds))
      return fault;
    return empty_log();
  }

  int64_t bytes() const override {
    const std::lock_guard lock(mutex_);
    return shares_.all;
  }

 private:
  // REQUIRES for all below: mutex_ is held.
  // Runs a DELETE … RETURNING owner, bytes.
  template <class... T>
  std::optional<Error> remove(const char* sql, const T&... values) {
    auto s = db_.prepare(sql);
    if (!s) return s.error();
    (s->bind(values), ...);
    int code;
    while ((code = s->step()) == SQLITE_ROW) shares_.add(s->text(0), -s->number(1));
    return code == SQLITE_DONE ? std::nullopt : std::optional(db_.error("cannot be written"));
  }

  std::optional<Error> replace(const Response& r, int64_t size) {
    auto other = db_.prepare("SELECT 1 FROM responses WHERE id = ? AND owner <> ?");
    if (!other) return other.error();
    if (other->bind(r.id).bind(r.owner).step() != SQLITE_DONE)
      return Error{Code::invalid, "the id of the response belongs to another owner"};
    if (auto fault = remove("DELETE FROM responses WHERE id = ? RETURNING owner, bytes", r.id)) return fault;
    auto s = db_.prepare(
        "INSERT INTO responses (id, owner, previous, created, bytes, body, input)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)");
    if (!s) return s.error();
    s->bind(r.id).bind(r.owner).bind(r.previous).bind(r.created).bind(size).bind(r.body).bind(r.input);
    if (s->step() != SQLITE_DONE) return db_.error("cannot be written");
    shares_.add(r.owner, size);
    return {};
  }

  // Removes responses until the rest fits, but not the one that was just kept.
  std::optional<Error> make_room(const Response& kept, int64_t size) {
    while (shares_.all > limits_.bytes) {
      const int64_t before = shares_.all;
      if (auto fault = remove("DELETE FROM responses WHERE id = (SELECT id FROM responses WHERE owner = ?"
                              " AND id <> ? ORDER BY created, rowid LIMIT 1) RETURNING owner, bytes",
                              shares_.largest(kept.owner, size), kept.id))
        return fault;
      if (shares_.all >= before) return db_.error("has wrong sizes");
    }
    return {};
  }

  // The write-ahead log still has the pages as they were before a removal; this makes it an empty file.
  std::optional<Error> empty_log() { return db_.run("PRAGMA wal_checkpoint(TRUNCATE)"); }

  void recount() {
    if (auto shares = shares_in(db_)) shares_ = *std::move(shares);
  }

  const Limits limits_;
  mutable std::mutex mutex_;
  Sqlite db_;
  Shares shares_;
};

Result<std::unique_ptr<Store>> opened(const std::string& path, const Limits& limits) {
  AUTARK_TRY(Sqlite db, Sqlite::open(path));
  if (auto fault = db.run("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA secure_delete=ON;"
                          "PRAGMA busy_timeout=2000; PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF"))
    return *fault;
  if (auto fault = migrate(db)) return *fault;
  AUTARK_TRY(Shares shares, shares_in(db));
  return std::unique_ptr<Store>(std::make_unique<SqliteStore>(std::move(db), limits, std::move(shares)));
}

}  // namespace

Result<std::unique_ptr<Store>> open_store(const std::filesystem::path& file, const Limits& limits) {
  auto store = opened(file.string(), limits);
  if (store || store.error().code != Code::io) return store;
  return Error{Code::io, store.error().message + "; remove the file, or use another folder with --state"};
}

Result<std::unique_ptr<Store>> memory_store(const Limits& limits) {
  return opened(":memory:", limits);
}

}  // namespace autark::storage
