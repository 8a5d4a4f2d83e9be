#include "store/sqlite_database.h"
#include <map>
#include <mutex>
#include "store/schema_text.h"
#include "store/sqlite.h"
#include "store/text_rule.h"

namespace autark::storage {
namespace {

// A connection and its prepared statements.
class Connection final : public Transaction {
 public:
  explicit Connection(Sqlite db) : db_(std::move(db)) {}

  Result<std::vector<Row>> rows(std::string_view sql, std::span<const Value> parameters) override {
    std::vector<Row> found;
    auto fault = run(sql, parameters, [&](Row row) -> std::optional<Error> {
      found.push_back(std::move(row));
      return {};
    });
    if (fault) return *fault;
    return found;
  }
  Result<int64_t> change(std::string_view sql, std::span<const Value> parameters) override {
    if (auto fault = run(sql, parameters, [](Row) { return std::nullopt; })) return *fault;
    return db_.changed();
  }
  std::optional<Error> each(std::string_view sql, std::span<const Value> parameters,
                            const Visit& visit) override {
    return run(sql, parameters, visit);
  }

  // Runs `work` between `begin` and COMMIT, or undoes it.
  std::optional<Error> transact(const char* begin, const Database::Work& work) {
    failure_.reset();
    if (auto fault = db_.run(begin)) return fault;
    std::optional<Error> fault = work(*this);
    if (!fault) fault = failure_;
    if (!fault) fault = db_.run("COMMIT");
    if (fault) (void)db_.run("ROLLBACK");
    return fault;
  }
  Sqlite& db() { return db_; }
  void forget_statements() { statements_.clear(); }

  std::mutex mutex;  // for transact()

 private:
  static constexpr size_t kStatementsMax = 256;

  // Runs a statement; an Error is remembered for the transaction.
  std::optional<Error> run(std::string_view sql, std::span<const Value> parameters,
                           const std::function<std::optional<Error>(Row)>& visit) {
    auto fault = run_checked(sql, parameters, visit);
    if (fault && !failure_) failure_ = fault;
    return fault;
  }
  std::optional<Error> run_checked(std::string_view sql, std::span<const Value> parameters,
                                   const std::function<std::optional<Error>(Row)>& visit) {
    if (auto fault = fault_of_texts(parameters)) return fault;
    const auto found = prepared(sql);
    if (!found) return found.error();
    Statement& statement = **found;
    bind(statement, parameters);
    std::optional<Error> fault;
    int code = SQLITE_ROW;
    while (!fault && (code = statement.step()) == SQLITE_ROW) fault = visit(row_of(statement));
    if (!fault && code != SQLITE_DONE) fault = db_.error("cannot be used");
    statement.reset();
    return fault;
  }
  Result<Statement*> prepared(std::string_view sql) {
    auto at = statements_.find(sql);
    if (at == statements_.end()) {
      if (statements_.size() >= kStatementsMax) statements_.clear();
      AUTARK_TRY(Statement made, db_.prepare(std::string(sql).c_str()));
      at = statements_.emplace(std::string(sql), std::move(made)).first;
    }
    return &at->second;
  }
  static void bind(Statement& statement, std::span<const Value> parameters) {
    for (size_t i = 0; i < parameters.size(); ++i)
      if (const auto* number = std::get_if<int64_t>(&parameters[i]))
        statement.bind_named(i + 1, *number);
      else if (const auto* text = std::get_if<std::string>(&parameters[i]))
        statement.bind_named(i + 1, *text);
      else
        statement.bind_named_null(i + 1);
  }
  static Row row_of(const Statement& statement) {
    std::vector<Value> values;
    for (int i = 0; i < statement.columns(); ++i)
      if (statement.type(i) == SQLITE_NULL)
        values.emplace_back();
      else if (statement.type(i) == SQLITE_INTEGER)
        values.emplace_back(statement.number(i));
      else
        values.emplace_back(statement.text(i));
    return Row(std::move(values));
  }
  Sqlite db_;
  std::map<std::string, Statement, std::less<>> statements_;
  std::optional<Error> failure_;  // the first one of the transaction
};

class SqliteDatabase final : public Database {
 public:
  SqliteDatabase(std::string path, std::unique_ptr<Connection> writer, std::unique_ptr<Connection> reader)
      : path_(std::move(path)), writer_(std::move(writer)), reader_(std::move(reader)) {}

  std::optional<Error> write(const Work& work) override {
    const std::lock_guard lock(writer_->mutex);
    return writer_->transact("BEGIN IMMEDIATE", work);
  }
  std::optional<Error> read(const Work& work) override {
    Connection& c = reader_ ? *reader_ : *writer_;
    const std::lock_guard lock(c.mutex);
    if (auto fault = c.db().run("PRAGMA query_only=ON")) return fault;
    auto fault = c.transact("BEGIN", work);
    (void)c.db().run("PRAGMA query_only=OFF");
    return fault;
  }
  std::optional<Error> migrate(std::span<const SchemaStep> steps, size_t version) override {
    const std::lock_guard lock(writer_->mutex);
    std::optional<Error> fault;
    for (bool there = false; !there && !fault;) {
      writer_->forget_statements();
      fault = writer_->transact("BEGIN IMMEDIATE", [&](Transaction&) { return step(steps, version, there); });
    }
    return fault;
  }
  Result<int64_t> version() override {
    const std::lock_guard lock(writer_->mutex);
    return writer_->db().number("PRAGMA user_version");
  }
  bool is_shared() const override { return false; }
  std::string name() const override { return path_; }

 private:
  // Takes one step in the direction of `version`.
  std::optional<Error> step(std::span<const SchemaStep> steps, size_t version, bool& there) {
    const auto taken = writer_->db().number("PRAGMA user_version");
    if (!taken) return taken.error();
    const auto next = next_step(steps, *taken, version);
    if (!next) return next.error();
    there = !next->text;
    if (there) return {};
    if (auto fault =
            writer_->db().run(with_serial(next->text->sqlite, "INTEGER PRIMARY KEY AUTOINCREMENT").c_str()))
      return fault;
    return writer_->db().run(("PRAGMA user_version=" + std::to_string(next->version)).c_str());
  }

  const std::string path_;
  const std::unique_ptr<Connection> writer_, reader_;
};

Result<std::unique_ptr<Connection>> connect(const std::string& path) {
  AUTARK_TRY(Sqlite db, Sqlite::open(path));
  if (auto fault = db.run("PRAGMA busy_timeout=5000; PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL;"
                          "PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON; PRAGMA recursive_triggers=ON;"))
    return *fault;
  return std::make_unique<Connection>(std::move(db));
}

}  // namespace

Result<std::unique_ptr<Database>> open_sqlite_database(const std::string& path) {
  AUTARK_TRY(auto writer, connect(path));
  std::unique_ptr<Connection> reader;
  if (path != ":memory:") {
    AUTARK_TRY(reader, connect(path));
  }
  return std::unique_ptr<Database>(
      std::make_unique<SqliteDatabase>(path, std::move(writer), std::move(reader)));
}

}  // namespace autark::storage
