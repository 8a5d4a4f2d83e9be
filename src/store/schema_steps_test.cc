// Goal: steps of a schema are taken whole, once and in order, forward and back, and keep the rows. Method: all pairs of
// versions with rows in every table; several that start at once; steps that fail; unknown versions.
#include <thread>
#include "store/database_testing.h"

namespace autark::storage {
namespace {

constexpr SchemaStep kSteps[] = {
    {"CREATE TABLE person (id TEXT PRIMARY KEY, age BIGINT);", "DROP TABLE person;"},
    {"CREATE TABLE visit (number {serial}, person TEXT NOT NULL REFERENCES person (id), time BIGINT NOT "
     "NULL);"
     "CREATE INDEX visit_by_time ON visit (time);",
     "DROP TABLE visit;"},
    {"ALTER TABLE person ADD COLUMN note TEXT NOT NULL DEFAULT '';"
     "CREATE TABLE place (id TEXT PRIMARY KEY, visit BIGINT NOT NULL);",
     "DROP TABLE place; ALTER TABLE person DROP COLUMN note;"},
};

class SchemaSteps : public DatabaseTest {};
class SharedSchemaSteps : public DatabaseTest {};

TEST_P(SchemaSteps, KeepRowsForwardAndBack) {
  for (size_t from = 0; from <= std::size(kSteps); ++from)
    expect_steps_keep_rows(*open_empty(), kSteps, from);
}

TEST_P(SchemaSteps, NumberRowsInOrder) {
  ASSERT_FALSE(database->migrate(kSteps, 2));
  fill_tables(*database, 3);
  ASSERT_FALSE(run(*database, "DELETE FROM visit WHERE number = 3"));
  ASSERT_FALSE(run(*database, "INSERT INTO visit (person, time) SELECT id, 9 FROM person WHERE age = 2"));
  EXPECT_EQ(rows_of(*database, "SELECT max(number) FROM visit")[0].number(0), 4)
      << "no number is given twice";
}

TEST_P(SharedSchemaSteps, AreTakenOnceByAllThatStartTogether) {
  std::vector<std::jthread> threads;
  for (int i = 0; i < 6; ++i)
    threads.emplace_back([&] {
      const auto mine = open(place);
      ASSERT_TRUE(mine);
      const auto fault = mine->migrate(kSteps, std::size(kSteps));
      EXPECT_FALSE(fault) << fault->message;
    });
  threads.clear();
  EXPECT_EQ(*database->version(), 3);
  EXPECT_EQ(tables_of(*database).size(), 3u);
}

TEST_P(SchemaSteps, ThatFailLeaveNothing) {
  constexpr SchemaStep kBroken[] = {kSteps[0],
                                    {"CREATE TABLE a (b BIGINT); CREATE TABLE person (c BIGINT);", ""}};
  EXPECT_TRUE(database->migrate(kBroken, 2));
  EXPECT_EQ(*database->version(), 1);
  EXPECT_EQ(tables_of(*database).size(), 1u);
  EXPECT_FALSE(database->migrate(kSteps, 3)) << "it goes on with steps that work";
}

TEST_P(SchemaSteps, HaveATextForEachKindOfDatabase) {
  constexpr SchemaStep kEach[] = {
      {{"CREATE TABLE of_sqlite (a BIGINT);", "CREATE TABLE of_postgres (a BIGINT);"},
       {"DROP TABLE of_sqlite;", "DROP TABLE of_postgres;"}}};
  ASSERT_FALSE(database->migrate(kEach, 1));
  ASSERT_EQ(tables_of(*database).size(), 1u);
  EXPECT_EQ(tables_of(*database)[0].name, database->is_shared() ? "of_postgres" : "of_sqlite");
  ASSERT_FALSE(database->migrate(kEach, 0));
  EXPECT_TRUE(tables_of(*database).empty());
}

TEST_P(SchemaSteps, OfANewerProgramAreAnError) {
  EXPECT_EQ(*database->version(), 0);
  ASSERT_FALSE(database->migrate(kSteps, 3));
  const auto fault = database->migrate(std::span(kSteps).first(2), 2);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->code, Code::unsupported) << fault->message;
  EXPECT_TRUE(database->migrate(kSteps, 4));
  EXPECT_EQ(*database->version(), 3);
}

INSTANTIATE_TEST_SUITE_P(On, SchemaSteps, testing::Values("Sqlite", "Memory", "Postgres"), database_kind);
INSTANTIATE_TEST_SUITE_P(On, SharedSchemaSteps, testing::Values("Sqlite", "Postgres"), database_kind);

}  // namespace
}  // namespace autark::storage
