// A relational database: an SQLite file, or a PostgreSQL server that several servers share. Statements use the SQL
// that both know, with the parameters $1, $2, …; types are BIGINT and TEXT. Thread-safe; all functions may block.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>
#include "base/result.h"

namespace autark::storage {

// NULL, a number or a text.
using Value = std::variant<std::monostate, int64_t, std::string>;
using Row = std::vector<Value>;

// What a transaction works with; for one thread.
class Connection {
 public:
  virtual ~Connection() = default;
  // Runs one statement and returns its rows; a statement that changes has those of its RETURNING. Error invalid if it
  // breaks a UNIQUE constraint.
  virtual Result<std::vector<Row>> run(std::string_view sql, const std::vector<Value>& parameters = {}) = 0;
};

class Database {
 public:
  using Work = std::function<std::optional<Error>(Connection&)>;
  virtual ~Database() = default;
  // Runs `work` as one transaction: all of it is durable before this returns, or, if it returns an Error, nothing of
  // it happened. Transactions are serialisable: `work` runs again if another one was in its way, so it must not
  // change anything but the database and what it assigns anew.
  virtual std::optional<Error> transact(const Work& work) = 0;
};

// In a file that is made if there is none (0600), or ":memory:".
Result<std::unique_ptr<Database>> open_sqlite(const std::string& path);
// `url`: postgres://USER@HOST/NAME and what libpq takes. Error unsupported in a program without PostgreSQL.
Result<std::unique_ptr<Database>> open_postgres(const std::string& url);
// By the form of the place: postgres://… or a path.
Result<std::unique_ptr<Database>> open_database(const std::string& place);

}  // namespace autark::storage
