#include <fmt/format.h>
#include <algorithm>
#include <fstream>
#include "base/fnv.h"
#include "base/json.h"
#include "store/backup.h"
#include "store/table_facts.h"

namespace autark::storage {
namespace {

constexpr size_t kLineBytesMax = size_t{64} << 20;

// The lines of a backup, one after the other.
class Lines {
 public:
  explicit Lines(const std::filesystem::path& path) : path_(path), in_(path, std::ios::binary) {}

  // The next line as JSON; null at the end of the file.
  Result<Json> next() {
    std::string text;
    if (!in_ || !std::getline(in_, text)) return Json();
    ++number_;
    if (text.size() > kLineBytesMax) return wrong("is too long");
    sum_before_ = sum_;
    sum_ = fnv1a("\n", fnv1a(text, sum_));
    auto json = parse_json(text, "backup", {.bytes = kLineBytesMax, .depth = 8});
    if (!json || json->is_null()) return wrong("is no JSON");
    return json;
  }
  // Of all lines before the last one that was read.
  std::string sum_before() const { return fmt::format("{:016x}", sum_before_); }
  Error wrong(const std::string& what) const {
    return {Code::invalid,
            fmt::format("restore: line {} of {} {}; take another backup", number_, path_.string(), what)};
  }

 private:
  const std::filesystem::path path_;
  std::ifstream in_;
  int64_t number_ = 0;
  uint64_t sum_ = kFnvSeed, sum_before_ = kFnvSeed;
};

// The version of a whole backup. Reads all of it.
Result<int64_t> checked_version(const std::filesystem::path& file) {
  Lines lines(file);
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
    return version;
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

// The text of an INSERT, with one parameter a column. An Error if the table or a column is not there.
Result<std::string> insertion(const Json& head, const std::vector<TableFacts>& tables, const Lines& lines) {
  const auto table = std::ranges::find_if(
      tables, [&](const TableFacts& f) { return head.value("table", Json()) == f.name; });
  if (table == tables.end()) return lines.wrong("names a table that this version does not have");
  const Json columns = head.value("columns", Json());
  if (!columns.is_array() || columns.empty()) return lines.wrong("has no columns");
  std::string names, places;
  for (const Json& column : columns) {
    if (!column.is_string() ||
        std::ranges::find(table->columns, column.get<std::string>()) == table->columns.end())
      return lines.wrong("names a column that its table does not have");
    names += (names.empty() ? "" : ", ") + quoted(column);
    places +=
        fmt::format("{}${}", places.empty() ? "" : ", ", std::count(places.begin(), places.end(), '$') + 1);
  }
  return "INSERT INTO " + quoted(table->name) + " (" + names + ") VALUES (" + places + ")";
}

Result<std::vector<Value>> values_of(const Json& row, const Lines& lines) {
  std::vector<Value> values;
  for (const Json& cell : row) {
    if (cell.is_number_integer())
      values.emplace_back(cell.get<int64_t>());
    else if (cell.is_string())
      values.emplace_back(cell.get<std::string>());
    else if (cell.is_null())
      values.emplace_back();
    else
      return lines.wrong("has a value that is no number, text or null");
  }
  return values;
}

std::optional<Error> load_row(Transaction& t, const std::string& insert, const Json& row,
                              const Lines& lines) {
  const auto values = values_of(row, lines);
  if (!values) return values.error();
  if (insert.empty() || std::ssize(*values) != std::count(insert.begin(), insert.end(), '$'))
    return lines.wrong("has another number of columns than its table");
  const auto changed = t.change(insert, *values);
  if (!changed)
    return Error{changed.error().code,
                 lines.wrong("cannot be kept").message + " (" + changed.error().message + ")"};
  return {};
}

// Numbers of new rows go on behind the ones that were loaded; SQLite does it by itself.
std::optional<Error> set_serials(Transaction& t, const std::vector<TableFacts>& tables) {
  for (const TableFacts& table : tables) {
    if (table.serial.empty()) continue;
    const auto set = t.rows(fmt::format("SELECT setval(pg_get_serial_sequence($1::text, $2::text), "
                                        "coalesce(max({0}), 0) + 1, false) FROM {1}",
                                        quoted(table.serial), quoted(table.name)),
                            {quoted(table.name), table.serial});
    if (!set) return set.error();
  }
  return {};
}

std::optional<Error> load(Transaction& t, bool is_shared, const std::filesystem::path& file) {
  const auto tables = table_facts(t, is_shared);
  if (!tables) return tables.error();
  Lines lines(file);
  std::string insert;
  for (;;) {
    const auto line = lines.next();
    if (!line) return line.error();
    if (line->is_null() || (line->is_object() && line->contains("rows"))) break;
    if (line->is_array()) {
      if (auto fault = load_row(t, insert, *line, lines)) return fault;
    } else if (line->contains("table")) {
      auto next = insertion(*line, *tables, lines);
      if (!next) return next.error();
      insert = std::move(*next);
    }
  }
  return is_shared ? set_serials(t, *tables) : std::nullopt;
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
