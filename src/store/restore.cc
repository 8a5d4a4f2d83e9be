#include <fmt/format.h>
#include <algorithm>
#include "store/backup.h"
#include "store/backup_lines.h"
#include "store/table_facts.h"

namespace autark::storage {
namespace {

constexpr size_t kParametersMax = 400;  // of an INSERT with several rows

// The version of a whole backup. Reads all of it.
Result<int64_t> checked_version(const std::filesystem::path& file) {
  AUTARK_TRY(BackupLines lines, BackupLines::open(file));
  AUTARK_TRY(Json line, lines.next());
  if (!line.is_object() || line.value("autark_backup", Json()) != 1 ||
      !line.value("version", Json()).is_number_integer())
    return Error{Code::invalid, "restore: " + file.string() +
                                    " is no backup of this program; name a file that "
                                    "`autark platform backup` wrote"};
  const auto version = line["version"].get<int64_t>();
  for (int64_t rows = 0;;) {
    AUTARK_TRY(line, lines.next());
    if (line.is_null()) return lines.wrong("is not the last: the file is cut");
    rows += line.is_array() ? 1 : 0;
    if (line.is_array() || line.contains("table")) continue;
    if (line != Json{{"rows", rows}, {"sum", lines.sum_before()}})
      return lines.wrong("has another checksum: the file is damaged");
    AUTARK_TRY(line, lines.next());
    return line.is_null() ? Result<int64_t>(version) : lines.wrong("stands behind the end");
  }
}

// An Error if a table has rows.
std::optional<Error> fault_of_content(Database& database) {
  return database.read([&](Transaction& t) -> std::optional<Error> {
    const auto tables = table_facts(t, database.is_shared());
    if (!tables) return tables.error();
    for (const TableFacts& table : *tables) {
      const auto rows = t.rows("SELECT 1 FROM " + quoted(table.name) + " LIMIT 1");
      if (!rows) return rows.error();
      if (!rows->empty())
        return Error{Code::invalid, "restore: " + database.name() + " has data already (table " + table.name +
                                        "); restore into a new database"};
    }
    return {};
  });
}

// Fills the tables with the lines of a backup, many rows with a statement.
class Loader {
 public:
  Loader(Transaction& t, bool is_shared, std::vector<TableFacts> tables)
      : t_(t), is_shared_(is_shared), tables_(std::move(tables)) {}

  std::optional<Error> load(BackupLines& lines) {
    for (;;) {
      const auto line = lines.next();
      if (!line) return line.error();
      const bool is_end = line->is_null() || (line->is_object() && line->contains("rows"));
      auto fault = is_end             ? end_table(lines)
                   : line->is_array() ? add_row(*line, lines)
                                      : begin_table(*line, lines);
      if (fault || is_end) return fault;
    }
  }

 private:
  std::optional<Error> begin_table(const Json& head, BackupLines& lines) {
    if (auto fault = end_table(lines)) return fault;
    const Json name = head.is_object() ? head.value("table", Json()) : Json();
    const auto found = std::ranges::find_if(tables_, [&](const TableFacts& f) { return name == f.name; });
    if (found == tables_.end()) return lines.wrong("names a table that this version does not have");
    table_ = &*found;
    columns_.clear(), last_ = 0;
    for (const Json& column : head.value("columns", Json::array())) {
      if (!column.is_string() || std::ranges::count(table_->columns, column.get<std::string>()) == 0)
        return lines.wrong("names a column that its table does not have");
      if (std::ranges::count(columns_, column.get<std::string>()) > 0)
        return lines.wrong("names a column twice");
      columns_.push_back(column.get<std::string>());
    }
    if (columns_.empty()) return lines.wrong("has no columns");
    const Json last = head.value("last", Json(0));
    if (!is_int64(last) || last < 0) return lines.wrong("has a wrong last number");
    last_ = last.get<int64_t>();
    return {};
  }

  std::optional<Error> end_table(BackupLines& lines) {
    if (!table_) return {};
    if (auto fault = insert(lines)) return fault;
    const TableFacts& table = *std::exchange(table_, nullptr);
    return table.serial.empty() ? std::nullopt : set_last_serial(t_, is_shared_, table, last_);
  }

  std::optional<Error> add_row(const Json& row, BackupLines& lines) {
    if (!table_ || row.size() != columns_.size())
      return lines.wrong("has another number of columns than its table");
    for (size_t i = 0; i < row.size(); ++i)
      if (!add_value(row[i], columns_[i]))
        return lines.wrong("has a value of another type than its column " + columns_[i]);
    const bool is_full = values_.size() + columns_.size() > kParametersMax || bytes_ > size_t{1} << 20;
    return is_full ? insert(lines) : std::nullopt;
  }

  // False: the column has other values.
  bool add_value(const Json& value, const std::string& column) {
    const bool is_number = std::ranges::count(table_->numbers, column) > 0;
    if (value.is_null()) {
      values_.emplace_back();
    } else if (is_number && is_int64(value)) {
      values_.emplace_back(value.get<int64_t>());
      if (column == table_->serial) last_ = std::max(last_, value.get<int64_t>());
    } else if (!is_number && value.is_string()) {
      values_.emplace_back(value.get<std::string>());
      bytes_ += value.get_ref<const std::string&>().size();
    } else {
      return false;
    }
    return true;
  }

  // Inserts the rows that were added.
  std::optional<Error> insert(const BackupLines& lines) {
    if (values_.empty()) return {};
    std::string names, places;
    for (const std::string& column : columns_) names += (names.empty() ? "" : ", ") + quoted(column);
    for (size_t i = 0; i < values_.size(); ++i)
      places += fmt::format("{}${}", i == 0 ? "(" : i % columns_.size() == 0 ? "), (" : ", ", i + 1);
    const auto changed =
        t_.change("INSERT INTO " + quoted(table_->name) + " (" + names + ") VALUES " + places + ")", values_);
    values_.clear(), bytes_ = 0;
    if (changed) return {};
    return Error{changed.error().code, lines.wrong("or one before it cannot be kept").message + " (" +
                                           changed.error().message + ")"};
  }

  static bool is_int64(const Json& number) {
    return number.is_number_integer() &&
           (!number.is_number_unsigned() || number.get<uint64_t>() <= uint64_t(INT64_MAX));
  }

  Transaction& t_;
  const bool is_shared_;
  const std::vector<TableFacts> tables_;
  const TableFacts* table_ = nullptr;  // whose rows come
  std::vector<std::string> columns_;
  int64_t last_ = 0;           // of its serial column
  std::vector<Value> values_;  // of the rows that are not inserted yet
  size_t bytes_ = 0;           // of their texts
};

std::optional<Error> load(Transaction& t, bool is_shared, const std::filesystem::path& file) {
  auto tables = table_facts(t, is_shared);
  if (!tables) return tables.error();
  auto lines = BackupLines::open(file);
  if (!lines) return lines.error();
  if (const auto head = lines->next(); !head) return head.error();
  return Loader(t, is_shared, std::move(*tables)).load(*lines);
}

}  // namespace

std::optional<Error> restore(const std::filesystem::path& file, Database& database,
                             std::span<const SchemaStep> steps) {
  const auto version = checked_version(file);
  if (!version) return version.error();
  if (*version < 0 || *version > std::ssize(steps))
    return Error{
        Code::unsupported,
        fmt::format("restore: {} is of version {}, this program knows up to {}; use the newer program",
                    file.string(), *version, steps.size())};
  if (auto fault = fault_of_content(database)) return fault;
  if (auto fault = database.migrate(steps, size_t(*version))) return fault;
  const bool is_shared = database.is_shared();
  if (auto fault = database.write([&](Transaction& t) { return load(t, is_shared, file); })) return fault;
  return database.migrate(steps, steps.size());
}

}  // namespace autark::storage
