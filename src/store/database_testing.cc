#include "store/database_testing.h"
#include <unistd.h>
#include <algorithm>
#include <cstdlib>
#include <random>
#include <utility>

namespace autark::storage {

TestFolder::TestFolder() {
  std::string name = (std::filesystem::temp_directory_path() / "autark-database-XXXXXX").string();
  path = mkdtemp(name.data());
}
TestFolder::~TestFolder() {
  std::filesystem::remove_all(path);
}

std::optional<Error> done(const Result<int64_t>& changed) {
  return changed ? std::nullopt : std::optional(changed.error());
}
std::optional<Error> run(Database& database, const std::string& sql, std::vector<Value> values) {
  return database.write([&](Transaction& t) { return done(t.change(sql, std::span<const Value>(values))); });
}

std::vector<Row> rows_of(Database& database, const std::string& sql, std::vector<Value> values) {
  std::vector<Row> found;
  const auto fault = database.read([&](Transaction& t) -> std::optional<Error> {
    auto rows = t.rows(sql, std::span<const Value>(values));
    if (!rows) return rows.error();
    found = std::move(*rows);
    return {};
  });
  EXPECT_FALSE(fault) << fault->message;
  return found;
}

std::string empty_place(const std::string& kind, const std::filesystem::path& folder) {
  static std::mt19937_64 random{std::random_device()()};
  const std::string name = "t" + std::to_string(random());
  if (kind == "Sqlite") return "sqlite:" + (folder / (name + ".db")).string();
  if (kind == "Memory") return "sqlite::memory:";
  const std::string url = std::getenv("AUTARK_TEST_POSTGRES");
  auto database = open_database(url);
  EXPECT_TRUE(database) << (database ? "" : database.error().message);
  const auto fault = run(**database, "CREATE SCHEMA " + name);
  EXPECT_FALSE(fault) << fault->message;
  return url + (url.find('?') == url.npos ? "?" : "&") + "application_name=" + name +
         "&options=-csearch_path%3D" + name;
}

std::string text_of(const Value& value) {
  if (const auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  const auto* text = std::get_if<std::string>(&value);
  return text ? "'" + *text + "'" : "NULL";
}

std::string content_of(Database& database, const TableFacts& table) {
  std::string columns;
  for (const std::string& column : table.columns) columns += (columns.empty() ? "" : ", ") + quoted(column);
  std::vector<std::string> lines;
  for (const Row& row : rows_of(database, "SELECT " + columns + " FROM " + quoted(table.name))) {
    lines.push_back(table.name);
    for (size_t i = 0; i < row.columns(); ++i) lines.back() += " " + text_of(row.value(i));
  }
  std::ranges::sort(lines);
  std::string all;
  for (const std::string& line : lines) all += line + "\n";
  return all;
}

std::vector<TableFacts> tables_of(Database& database) {
  std::vector<TableFacts> found;
  const auto fault = database.read([&](Transaction& t) -> std::optional<Error> {
    auto tables = table_facts(t, database.is_shared());
    if (!tables) return tables.error();
    found = std::move(*tables);
    return {};
  });
  EXPECT_FALSE(fault) << fault->message;
  return found;
}

std::string content_of(Database& database) {
  std::string all;
  for (const TableFacts& table : tables_of(database)) all += content_of(database, table);
  return all;
}

void fill_tables(Database& database, int count) {
  for (const TableFacts& table : tables_of(database))
    for (int i = 1; i <= count; ++i) {
      std::string names, places;
      std::vector<Value> values;
      for (const std::string& column : table.columns) {
        if (column == table.serial) continue;
        const bool is_number = std::ranges::count(table.numbers, column) > 0;
        values.push_back(is_number ? Value(int64_t{1} << (i % 60))
                                   : Value("row " + std::to_string(i) + " ü'\""));
        names += (names.empty() ? "" : ", ") + quoted(column);
        places += (places.empty() ? "$" : ", $") + std::to_string(values.size());
      }
      const auto fault = run(
          database, "INSERT INTO " + quoted(table.name) + " (" + names + ") VALUES (" + places + ")", values);
      ASSERT_FALSE(fault) << fault->message;
    }
}

DatabaseTest::DatabaseTest() = default;
DatabaseTest::~DatabaseTest() = default;

void DatabaseTest::SetUp() {
  if (GetParam() == "Postgres" && !std::getenv("AUTARK_TEST_POSTGRES"))
    GTEST_SKIP() << "needs AUTARK_TEST_POSTGRES; tests/with_postgres sets it";
  place = empty_place(GetParam(), folder.path);
  database = open(place);
}

std::unique_ptr<Database> DatabaseTest::open(const std::string& place) {
  auto opened = open_database(place);
  EXPECT_TRUE(opened) << (opened ? "" : opened.error().message);
  return opened ? std::move(*opened) : nullptr;
}

std::unique_ptr<Database> DatabaseTest::open_empty(const std::string& kind) {
  return open(empty_place(kind, folder.path));
}

void expect_steps_keep_rows(Database& database, std::span<const SchemaStep> steps, size_t from) {
  ASSERT_FALSE(database.migrate(steps, from));
  fill_tables(database, 3);
  const std::vector<TableFacts> tables = tables_of(database);
  std::vector<std::string> before;
  for (const TableFacts& table : tables) before.push_back(content_of(database, table));
  for (const size_t to : {steps.size(), from, steps.size()}) {
    const auto fault = database.migrate(steps, to);
    ASSERT_FALSE(fault) << from << " to " << to << ": " << fault->message;
    EXPECT_EQ(*database.version(), int64_t(to));
    for (size_t i = 0; i < tables.size(); ++i)
      EXPECT_EQ(content_of(database, tables[i]), before[i]) << from << " to " << to;
  }
  for (size_t to = steps.size(); to-- > 0;) {
    const auto fault = database.migrate(steps, to);
    ASSERT_FALSE(fault) << "back to " << to << ": " << fault->message;
  }
  EXPECT_TRUE(tables_of(database).empty()) << "the first step takes all back";
}

std::string database_kind(const testing::TestParamInfo<std::string>& info) {
  return info.param;
}

}  // namespace autark::storage
