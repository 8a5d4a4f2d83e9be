#include "store/table_facts.h"

namespace autark::storage {
namespace {

constexpr const char* kSqliteTables =
    "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite!_%' ESCAPE '!' ORDER BY "
    "rowid";
constexpr const char* kPostgresTables =
    "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = current_schema() AND c.relkind = 'r' AND c.relname <> 'schema_version' ORDER BY "
    "c.oid";
// Name, whether the column numbers the rows by itself, and whether it has numbers.
constexpr const char* kSqliteColumns =
    "SELECT name, pk = 1 AND (SELECT sql LIKE '%AUTOINCREMENT%' FROM sqlite_master WHERE name = $1),"
    " type IN ('BIGINT', 'INTEGER')"
    " FROM pragma_table_info($1) ORDER BY cid";
constexpr const char* kPostgresColumns =
    "SELECT a.attname::text, (pg_get_serial_sequence(quote_ident($1::text), a.attname::text) IS NOT "
    "NULL)::int, (a.atttypid = 'bigint'::regtype)::int"
    " FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = current_schema() AND c.relname = $1::text AND a.attnum > 0 AND NOT a.attisdropped"
    " ORDER BY a.attnum";
// Looks into the catalogue itself: what a connection remembers of it may be older than the lock of a migration.
constexpr const char* kHasVersion =
    "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " WHERE n.nspname = current_schema() AND c.relname = 'schema_version'";

}  // namespace

Result<std::vector<TableFacts>> table_facts(Transaction& t, bool is_shared) {
  AUTARK_TRY(const auto names, t.rows(is_shared ? kPostgresTables : kSqliteTables));
  std::vector<TableFacts> tables;
  for (const Row& name : names) {
    tables.push_back({.name = name.text(0)});
    AUTARK_TRY(const auto columns, t.rows(is_shared ? kPostgresColumns : kSqliteColumns, {name.text(0)}));
    for (const Row& column : columns) {
      tables.back().columns.push_back(column.text(0));
      if (column.number(1) != 0) tables.back().serial = column.text(0);
      if (column.number(2) != 0) tables.back().numbers.push_back(column.text(0));
    }
  }
  return tables;
}

Result<int64_t> last_serial(Transaction& t, bool is_shared, const TableFacts& table) {
  constexpr const char* kSequence =
      "SELECT pg_sequence_last_value(pg_get_serial_sequence($1::text, $2::text)::regclass)";
  const auto rows =
      is_shared ? t.rows(kSequence, {quoted(table.name), table.serial})
                : t.rows("SELECT CAST(seq AS INTEGER) FROM sqlite_sequence WHERE name = $1", {table.name});
  if (!rows) return rows.error();
  return rows->empty() ? 0 : rows->front().number(0);
}

std::optional<Error> set_last_serial(Transaction& t, bool is_shared, const TableFacts& table, int64_t last) {
  if (last <= 0) return {};
  if (is_shared) {
    const auto set = t.rows("SELECT setval(pg_get_serial_sequence($1::text, $2::text), $3::bigint)",
                            {quoted(table.name), table.serial, last});
    return set ? std::nullopt : std::optional(set.error());
  }
  auto set = t.change("DELETE FROM sqlite_sequence WHERE name = $1", {table.name});
  if (set) set = t.change("INSERT INTO sqlite_sequence (name, seq) VALUES ($1, $2)", {table.name, last});
  return set ? std::nullopt : std::optional(set.error());
}

Result<int64_t> schema_version(Transaction& t, bool is_shared) {
  if (is_shared) {
    AUTARK_TRY(const auto table, t.rows(kHasVersion));
    if (table.empty() || table[0].number(0) == 0) return 0;
  }
  AUTARK_TRY(const auto rows, t.rows(is_shared ? "SELECT max(version) FROM schema_version"
                                               : "SELECT user_version FROM pragma_user_version"));
  return rows.empty() ? 0 : rows[0].number(0);
}

std::string quoted(const std::string& name) {
  std::string out = "\"";
  for (const char c : name) out += c == '"' ? std::string("\"\"") : std::string(1, c);
  return out + "\"";
}

}  // namespace autark::storage
