// For tests: databases that are empty, on SQLite and, with AUTARK_TEST_POSTGRES (tests/with_postgres), on PostgreSQL; what
// they contain; and rows for every table.
#pragma once
#include <gtest/gtest.h>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>
#include "store/database.h"
#include "store/table_facts.h"

namespace autark::storage {

// A new folder that is removed at the end.
struct TestFolder {
  TestFolder();
  ~TestFolder();
  std::filesystem::path path;
};

// A change or a query whose answer nobody needs.
std::optional<Error> done(const Result<int64_t>& changed);
std::optional<Error> run(Database& database, const std::string& sql, std::vector<Value> values = {});
// The rows of a query in a transaction of its own.
std::vector<Row> rows_of(Database& database, const std::string& sql, std::vector<Value> values = {});

// A place for open_database(): a file in `folder`, or a schema of its own. REQUIRES for "Postgres": AUTARK_TEST_POSTGRES.
// Connections to a schema have its name as application_name.
std::string empty_place(const std::string& kind, const std::filesystem::path& folder);

std::string text_of(const Value& value);

// All rows of these columns as lines, sorted.
std::string content_of(Database& database, const TableFacts& table);
std::vector<TableFacts> tables_of(Database& database);
std::string content_of(Database& database);

// Puts `count` rows into every table. Row i has the same text in all columns, so a reference to another table is met.
void fill_tables(Database& database, int count);

// A test with an empty database.
class DatabaseTest : public testing::TestWithParam<std::string> {
 protected:
  DatabaseTest();
  ~DatabaseTest() override;
  void SetUp() override;
  static std::unique_ptr<Database> open(const std::string& place);
  // Another one that is empty, of the same kind or another.
  std::unique_ptr<Database> open_empty(const std::string& kind = GetParam());

  TestFolder folder;
  std::string place;
  std::unique_ptr<Database> database;
};

// Every version, forward and back, with rows in every table: what a table keeps, stays.
void expect_steps_keep_rows(Database& database, std::span<const SchemaStep> steps, size_t from);

std::string database_kind(const testing::TestParamInfo<std::string>& info);

}  // namespace autark::storage
