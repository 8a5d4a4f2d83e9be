#include "store/batches.h"
#include <mutex>
#include "store/migrations.h"
#include "store/sqlite.h"

namespace autark::storage {
namespace {

Error none(const std::string& id) {
  return {Code::not_found, "there is no batch '" + id.substr(0, 100) + "'"};
}

class SqliteBatches final : public Batches {
 public:
  explicit SqliteBatches(Sqlite db) : db_(std::move(db)) {}

  std::optional<Error> create(const Batch& b) override {
    const std::lock_guard lock(mutex_);
    auto s =
        db_.prepare("INSERT OR IGNORE INTO batches (id, owner, created, over, body) VALUES (?, ?, ?, ?, ?)");
    if (!s) return s.error();
    s->bind(b.id).bind(b.owner).bind(b.created).bind(int64_t{b.over}).bind(b.body);
    return written(*s, {Code::invalid, "there is a batch with this id already"});
  }

  Result<Batch> find(const std::string& id, const std::string& owner) override {
    const std::lock_guard lock(mutex_);
    AUTARK_TRY(Statement s, db_.prepare("SELECT id, owner, created, over, body FROM batches"
                                        " WHERE id = ? AND owner = ?"));
    s.bind(id).bind(owner);
    AUTARK_TRY(std::vector<Batch> found, read(s));
    if (found.empty()) return none(id);
    return std::move(found.front());
  }

  Result<std::vector<Batch>> list(const std::string& owner, const std::string& after, int most) override {
    const std::lock_guard lock(mutex_);
    AUTARK_TRY(Statement s, db_.prepare("SELECT id, owner, created, over, body FROM batches WHERE owner = ?"
                                        " AND (? = '' OR (created, rowid) <"
                                        " (SELECT created, rowid FROM batches WHERE id = ? AND owner = ?))"
                                        " ORDER BY created DESC, rowid DESC LIMIT ?"));
    s.bind(owner).bind(after).bind(after).bind(owner).bind(int64_t{most});
    return read(s);
  }

  Result<std::vector<Batch>> open() override {
    const std::lock_guard lock(mutex_);
    AUTARK_TRY(Statement s, db_.prepare("SELECT id, owner, created, over, body FROM batches"
                                        " WHERE over = 0 ORDER BY created, rowid"));
    return read(s);
  }

  std::optional<Error> update(const Batch& b) override {
    const std::lock_guard lock(mutex_);
    auto fault = whole([&] {
      auto fault = replace(b);
      if (!fault && b.over) fault = remove_answers(b.id);
      return fault;
    });
    return fault || !b.over ? fault : empty_log();
  }

  std::optional<Error> keep(const Batch& b, const BatchAnswer& a) override {
    const std::lock_guard lock(mutex_);
    return whole([&] {
      auto fault = replace(b);
      return fault ? fault : add(b.id, a);
    });
  }

  Result<std::vector<std::string>> answered(const std::string& batch) override {
    const std::lock_guard lock(mutex_);
    AUTARK_TRY(Statement s, db_.prepare("SELECT custom_id FROM batch_answers WHERE batch = ?"));
    s.bind(batch);
    std::vector<std::string> all;
    int code;
    while ((code = s.step()) == SQLITE_ROW) all.push_back(s.text(0));
    if (code != SQLITE_DONE) return db_.error("cannot be read");
    return all;
  }

  Result<std::vector<BatchAnswer>> answers(const std::string& batch, bool is_error, int64_t after,
                                           int most) override {
    const std::lock_guard lock(mutex_);
    AUTARK_TRY(Statement s, db_.prepare("SELECT number, custom_id, line FROM batch_answers WHERE batch = ?"
                                        " AND is_error = ? AND number > ? ORDER BY number LIMIT ?"));
    s.bind(batch).bind(int64_t{is_error}).bind(after).bind(int64_t{most});
    std::vector<BatchAnswer> all;
    int code;
    while ((code = s.step()) == SQLITE_ROW)
      all.push_back({.custom_id = s.text(1), .is_error = is_error, .line = s.text(2), .number = s.number(0)});
    if (code != SQLITE_DONE) return db_.error("cannot be read");
    return all;
  }

  std::optional<Error> tidy(int64_t before) override {
    const std::lock_guard lock(mutex_);
    auto s = db_.prepare("DELETE FROM batches WHERE over = 1 AND created < ?");
    if (!s) return s.error();
    return s->bind(before).step() == SQLITE_DONE ? empty_log() : fault();
  }

 private:
  // REQUIRES for all below: mutex_ is held.
  Error fault() const { return db_.error("cannot be written"); }

  // The write-ahead log still has the pages as they were before a removal; this makes it an empty file.
  std::optional<Error> empty_log() { return db_.run("PRAGMA wal_checkpoint(TRUNCATE)"); }

  // Runs a change; `unchanged` if it changed no row.
  std::optional<Error> written(Statement& s, const Error& unchanged) {
    if (s.step() != SQLITE_DONE) return fault();
    return db_.changed() > 0 ? std::nullopt : std::optional(unchanged);
  }

  // Runs `change` in a transaction, which an Error undoes.
  template <class F>
  std::optional<Error> whole(F change) {
    if (auto failed = db_.run("BEGIN IMMEDIATE")) return failed;
    auto failed = change();
    if (!failed) failed = db_.run("COMMIT");
    if (failed) db_.run("ROLLBACK");
    return failed;
  }

  std::optional<Error> replace(const Batch& b) {
    auto s = db_.prepare("UPDATE batches SET over = ?, body = ? WHERE id = ? AND owner = ?");
    if (!s) return s.error();
    s->bind(int64_t{b.over}).bind(b.body).bind(b.id).bind(b.owner);
    return written(*s, none(b.id));
  }

  std::optional<Error> add(const std::string& batch, const BatchAnswer& a) {
    auto s = db_.prepare(
        "INSERT OR IGNORE INTO batch_answers (batch, custom_id, is_error, line) VALUES (?, ?, ?, ?)");
    if (!s) return s.error();
    s->bind(batch).bind(a.custom_id).bind(int64_t{a.is_error}).bind(a.line);
    return written(*s, {Code::invalid, "the request of the batch has an answer already"});
  }

  std::optional<Error> remove_answers(const std::string& batch) {
    auto s = db_.prepare("DELETE FROM batch_answers WHERE batch = ?");
    if (!s) return s.error();
    return s->bind(batch).step() == SQLITE_DONE ? std::nullopt : std::optional(fault());
  }

  Result<std::vector<Batch>> read(Statement& s) {
    std::vector<Batch> found;
    int code;
    while ((code = s.step()) == SQLITE_ROW)
      found.push_back({.id = s.text(0),
                       .owner = s.text(1),
                       .created = s.number(2),
                       .over = s.number(3) != 0,
                       .body = s.text(4)});
    if (code != SQLITE_DONE) return db_.error("cannot be read");
    return found;
  }

  std::mutex mutex_;
  Sqlite db_;
};

// FULL: a commit is on the disk before it counts.
Result<std::unique_ptr<Batches>> opened(const std::string& path) {
  AUTARK_TRY(Sqlite db, Sqlite::open(path));
  if (auto fault = db.run("PRAGMA busy_timeout=10000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                          "PRAGMA secure_delete=ON; PRAGMA cell_size_check=ON; PRAGMA trusted_schema=OFF"))
    return *fault;
  if (auto fault = migrate(db)) return *fault;
  return std::unique_ptr<Batches>(std::make_unique<SqliteBatches>(std::move(db)));
}

}  // namespace

Result<std::unique_ptr<Batches>> open_batches(const std::filesystem::path& file) {
  return opened(file.string());
}

Result<std::unique_ptr<Batches>> memory_batches() {
  return opened(":memory:");
}

}  // namespace autark::storage
