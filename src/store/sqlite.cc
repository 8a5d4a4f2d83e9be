#include "store/sqlite.h"
#include <fcntl.h>
#include <unistd.h>

namespace autark::storage {

Result<Sqlite> Sqlite::open(const std::string& path) {
  Sqlite s(path);
  // Created here, so that the database and its log are for the owner only. A file that is there must not be opened: to
  // close it would give up the locks of this process's other connections, and other processes would then reset their log.
  constexpr int kNew = O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC;
  if (const int file = path == ":memory:" ? -1 : ::open(path.c_str(), kNew, 0600); file >= 0) ::close(file);
  sqlite3* db = nullptr;
  const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  const int code = sqlite3_open_v2(path.c_str(), &db, flags, nullptr);
  s.db_.reset(db);
  if (code != SQLITE_OK) return s.error("cannot be opened");
  return s;
}

std::optional<Error> Sqlite::run(const char* sql) {
  if (sqlite3_exec(db_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) return {};
  return error("cannot be used");
}

Result<int64_t> Sqlite::number(const char* sql) {
  AUTARK_TRY(Statement s, prepare(sql));
  if (s.step() != SQLITE_ROW) return error("cannot be read");
  return s.number(0);
}

Result<Statement> Sqlite::prepare(const char* sql) {
  sqlite3_stmt* s = nullptr;
  if (sqlite3_prepare_v2(db_.get(), sql, -1, &s, nullptr) != SQLITE_OK) return error("cannot be read");
  return Statement(s);
}

Error Sqlite::error(const char* doing) const {
  const std::string why = db_ ? sqlite3_errmsg(db_.get()) : "out of memory";
  return {Code::io, "store: " + path_ + " " + doing + " (" + why + ")"};
}

Statement& Statement::bind(const std::string& text) {
  sqlite3_bind_text64(statement_.get(), ++bound_, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
  return *this;
}

Statement& Statement::bind(int64_t number) {
  sqlite3_bind_int64(statement_.get(), ++bound_, number);
  return *this;
}

int Statement::place(size_t i) const {
  return sqlite3_bind_parameter_index(statement_.get(), ("$" + std::to_string(i)).c_str());
}

void Statement::bind_named(size_t i, const std::string& text) {
  if (const int at = place(i))
    sqlite3_bind_text64(statement_.get(), at, text.data(), text.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
}

void Statement::bind_named(size_t i, int64_t number) {
  if (const int at = place(i)) sqlite3_bind_int64(statement_.get(), at, number);
}

void Statement::bind_named_null(size_t i) {
  if (const int at = place(i)) sqlite3_bind_null(statement_.get(), at);
}

void Statement::reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
  bound_ = 0;
}

std::string Statement::text(int column) const {
  const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement_.get(), column));
  return bytes ? std::string(bytes, size_t(sqlite3_column_bytes(statement_.get(), column))) : std::string();
}

}  // namespace autark::storage
