// A database that several parts of the platform share: SQLite in a file, or PostgreSQL for several servers. Statements
// are written once, in the SQL that both understand, with parameters $1, $2 …
// All functions may be called from any thread and block.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
#include "base/result.h"

namespace autark::storage {

// A parameter or a column; monostate is NULL. A text is UTF-8 without NUL and has at most 16 MiB; a statement with another
// one is an Error (invalid) on every database.
using Value = std::variant<std::monostate, int64_t, std::string>;

class Row {
 public:
  explicit Row(std::vector<Value> values) : values_(std::move(values)) {}
  // 0 and "" for NULL. REQUIRES: the column exists and has this type, or is NULL.
  int64_t number(size_t column) const;
  const std::string& text(size_t column) const;
  const Value& value(size_t column) const { return values_.at(column); }
  bool is_null(size_t column) const { return values_.at(column).index() == 0; }
  size_t columns() const { return values_.size(); }

 private:
  std::vector<Value> values_;
};

// A transaction. Used by one thread, only while the call that made it runs. After an Error of any function nothing of the
// transaction is kept, whatever `work` returns.
class Transaction {
 public:
  virtual ~Transaction() = default;
  using Visit = std::function<std::optional<Error>(const Row&)>;
  // All rows of a query, or of a change with RETURNING.
  virtual Result<std::vector<Row>> rows(std::string_view sql, std::span<const Value> parameters) = 0;
  // The number of rows that a statement changed.
  virtual Result<int64_t> change(std::string_view sql, std::span<const Value> parameters) = 0;
  // Calls `visit` with the rows of a query, one by one, so that they need no memory together. It ends with the first
  // Error. `visit` does not use this transaction.
  virtual std::optional<Error> each(std::string_view sql, std::span<const Value> parameters,
                                    const Visit& visit);

  Result<std::vector<Row>> rows(std::string_view sql, std::initializer_list<Value> parameters = {}) {
    return rows(sql, std::span(parameters.begin(), parameters.size()));
  }
  Result<int64_t> change(std::string_view sql, std::initializer_list<Value> parameters = {}) {
    return change(sql, std::span(parameters.begin(), parameters.size()));
  }
};

// Statements for each kind of database. {serial} is the type of a key that grows by itself.
struct SchemaText {
  constexpr SchemaText(const char* both) : sqlite(both), postgres(both) {}
  constexpr SchemaText(const char* of_sqlite, const char* of_postgres)
      : sqlite(of_sqlite), postgres(of_postgres) {}
  const char* sqlite;
  const char* postgres;
};

// A numbered step of the schema, forward and back. It never changes once it was released.
struct SchemaStep {
  SchemaText up;
  SchemaText down;
};

class Database {
 public:
  virtual ~Database() = default;
  using Work = std::function<std::optional<Error>(Transaction&)>;
  // Runs `work` in a transaction that is durable when this returns without an Error, and undone otherwise; only if the
  // connection is lost during the commit, an Error says that it is not known. Work may run again if the database asks for
  // it (a conflict, a lost connection before the commit), so it changes nothing else. It calls no function of Database.
  virtual std::optional<Error> write(const Work& work) = 0;
  // Runs `work` in a transaction that sees one state of the database; a change is an Error. It does not wait for write().
  virtual std::optional<Error> read(const Work& work) = 0;
  // Takes the steps between the database's version and `version`, forward or back, in one transaction each, while
  // other processes may do the same. An Error if the database has taken more steps than there are in `steps`.
  virtual std::optional<Error> migrate(std::span<const SchemaStep> steps, size_t version) = 0;
  // The number of steps that were taken.
  virtual Result<int64_t> version() = 0;
  // Whether several servers can use this database at once, each on a machine of its own.
  virtual bool is_shared() const = 0;
  // For people, without a password.
  virtual std::string name() const = 0;
};

// Opens "sqlite:PATH" (a file that is created for its owner only), "sqlite::memory:" or "postgres://…". An Error for
// PostgreSQL if the program was built without it.
Result<std::unique_ptr<Database>> open_database(const std::string& place);

}  // namespace autark::storage
