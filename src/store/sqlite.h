// One SQLite connection and its statements. Not thread-safe. Errors name the file.
#pragma once
#include <sqlite3.h>
#include <memory>
#include <optional>
#include <string>
#include "base/result.h"

namespace autark::storage {

class Statement;

class Sqlite {
 public:
  // Opens or creates the file; ":memory:" is a database without one.
  static Result<Sqlite> open(const std::string& path);
  // Runs statements that return no rows.
  std::optional<Error> run(const char* sql);
  // The first column of the first row. REQUIRES: the statement returns a row with a number.
  Result<int64_t> number(const char* sql);
  Result<Statement> prepare(const char* sql);
  Error error(const char* doing) const;                             // the last fault of this connection
  int64_t changed() const { return sqlite3_changes64(db_.get()); }  // rows of the last change

 private:
  struct Close {
    void operator()(sqlite3* db) const { sqlite3_close_v2(db); }
  };
  explicit Sqlite(std::string path) : path_(std::move(path)) {}

  std::string path_;
  std::unique_ptr<sqlite3, Close> db_;
};

class Statement {
 public:
  // Binds the next parameter, from the first one on.
  Statement& bind(const std::string& text);
  Statement& bind(int64_t number);
  // Goes to the next row: SQLITE_ROW, SQLITE_DONE or an error code.
  int step() { return sqlite3_step(statement_.get()); }
  // Binds the parameter $i. A statement without it ignores the value.
  void bind_named(size_t i, const std::string& text);
  void bind_named(size_t i, int64_t number);
  void bind_named_null(size_t i);
  // Ready for the next run; its parameters are NULL.
  void reset();
  int columns() const { return sqlite3_column_count(statement_.get()); }
  int type(int column) const { return sqlite3_column_type(statement_.get(), column); }
  std::string text(int column) const;  // of the current row
  int64_t number(int column) const { return sqlite3_column_int64(statement_.get(), column); }

 private:
  friend class Sqlite;
  struct Finalize {
    void operator()(sqlite3_stmt* s) const { sqlite3_finalize(s); }
  };
  explicit Statement(sqlite3_stmt* s) : statement_(s) {}
  int place(size_t i) const;

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  int bound_ = 0;
};

}  // namespace autark::storage
