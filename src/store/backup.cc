#include "store/backup.h"
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>
#include <algorithm>
#include <cstdio>
#include "base/fnv.h"
#include "base/json.h"
#include "store/table_facts.h"

namespace autark::storage {
namespace {

constexpr int64_t kPageRows = 5000;  // that are read at once

// A file that is there under its name once it is whole. Removed before that, if this ends.
class NewFile {
 public:
  explicit NewFile(std::filesystem::path path) : path_(std::move(path)), part_(path_.string() + ".part") {}
  ~NewFile() {
    if (!file_) return;
    std::fclose(file_);
    ::unlink(part_.c_str());
  }
  NewFile(const NewFile&) = delete;

  // Begins anew.
  std::optional<Error> open() {
    if (file_) std::fclose(std::exchange(file_, nullptr));
    if (std::filesystem::exists(path_))
      return Error{Code::invalid, "backup: " + path_.string() + " is there already; name a new file"};
    const int f = ::open(part_.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (f < 0) return failed();
    file_ = ::fdopen(f, "w");
    hash_ = kFnvSeed;
    rows_ = 0;
    return {};
  }
  // Appends a line. What cannot be written is found by finish().
  void line(const Json& json) {
    const std::string text = dump_json(json) + "\n";
    hash_ = fnv1a(text, hash_);
    std::fwrite(text.data(), 1, text.size(), file_);
  }
  void row(const Json& values) {
    ++rows_;
    line(values);
  }
  std::optional<Error> finish() {
    line({{"rows", rows_}, {"sum", fmt::format("{:016x}", hash_)}});
    const bool whole = std::fflush(file_) == 0 && !std::ferror(file_) && ::fsync(::fileno(file_)) == 0;
    if (!whole || ::rename(part_.c_str(), path_.c_str()) != 0) return failed();
    std::fclose(std::exchange(file_, nullptr));
    return {};
  }

 private:
  Error failed() const {
    return {Code::io,
            "backup: " + part_ + " cannot be written; choose a folder with room, which you may write"};
  }

  const std::filesystem::path path_;
  const std::string part_;
  std::FILE* file_ = nullptr;
  uint64_t hash_ = kFnvSeed;
  int64_t rows_ = 0;
};

Json json_of(const Row& row) {
  Json list = Json::array();
  for (size_t i = 0; i < row.columns(); ++i) {
    const Value& value = row.value(i);
    if (const auto* number = std::get_if<int64_t>(&value))
      list.push_back(*number);
    else if (const auto* text = std::get_if<std::string>(&value))
      list.push_back(*text);
    else
      list.push_back(nullptr);
  }
  return list;
}

std::string listed(const std::vector<std::string>& columns) {
  std::string list;
  for (const std::string& column : columns) list += (list.empty() ? "" : ", ") + quoted(column);
  return list;
}

// The rows behind the first `done`, which end with the number `last` in a table that numbers them.
std::string page_of(const TableFacts& table) {
  const std::string from = "SELECT " + listed(table.columns) + " FROM " + quoted(table.name);
  const std::string limit = " LIMIT " + std::to_string(kPageRows);
  if (!table.serial.empty())
    return from + " WHERE " + quoted(table.serial) + " > $1 ORDER BY " + quoted(table.serial) + limit;
  return from + " ORDER BY " + listed(table.columns) + limit + " OFFSET $1";
}

std::optional<Error> write_table(Transaction& t, const TableFacts& table, NewFile& out) {
  out.line({{"table", table.name}, {"columns", table.columns}});
  const std::string page = page_of(table);
  const auto numbered = std::ranges::find(table.columns, table.serial);
  int64_t after = 0;
  for (;;) {
    const auto rows = t.rows(page, {after});
    if (!rows) return rows.error();
    for (const Row& row : *rows) out.row(json_of(row));
    if (std::ssize(*rows) < kPageRows) return {};
    after = numbered == table.columns.end() ? after + kPageRows
                                            : rows->back().number(size_t(numbered - table.columns.begin()));
  }
}

std::optional<Error> write_all(Transaction& t, bool is_shared, NewFile& out) {
  if (auto fault = out.open()) return fault;  // also when the transaction runs again
  const auto version = schema_version(t, is_shared);
  if (!version) return version.error();
  const auto tables = table_facts(t, is_shared);
  if (!tables) return tables.error();
  out.line({{"autark_backup", 1}, {"version", *version}});
  for (const TableFacts& table : *tables)
    if (auto fault = write_table(t, table, out)) return fault;
  return {};
}

}  // namespace

std::optional<Error> backup(Database& database, const std::filesystem::path& file) {
  NewFile out(file);
  const bool is_shared = database.is_shared();
  if (auto fault = database.read([&](Transaction& t) { return write_all(t, is_shared, out); })) return fault;
  return out.finish();
}

}  // namespace autark::storage
