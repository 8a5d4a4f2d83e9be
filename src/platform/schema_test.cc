// Goal: the tables of every version can be brought to the newest one and back, and keep their rows; the database refuses to
// change or remove rows of the ledger. Method: rows in every table of each version, on every kind of database; every way to
// write a change in SQL.
#include "platform/schema.h"
#include "store/database_testing.h"

namespace autark::platform {
namespace {

class PlatformSchema : public storage::DatabaseTest {};

TEST_P(PlatformSchema, KeepsRowsFromEveryVersionForwardAndBack) {
  for (size_t from = 0; from <= schema_steps().size(); ++from)
    storage::expect_steps_keep_rows(*open_empty(), schema_steps(), from);
}

TEST_P(PlatformSchema, RefusesToChangeTheLedger) {
  for (size_t from = 2; from <= schema_steps().size(); ++from) {
    const auto one = open_empty();
    ASSERT_FALSE(one->migrate(schema_steps(), from));
    storage::fill_tables(*one, 3);
    ASSERT_FALSE(make_tables(*one));
    const std::string before = storage::content_of(*one);
    for (const std::string table : {"usage", "posting"}) {
      const std::string same = " INTO " + table + " SELECT * FROM " + table + " WHERE true";
      std::vector<std::string> changes = {"UPDATE " + table + " SET time = 1", "DELETE FROM " + table,
                                          "DELETE FROM " + table + " WHERE number = 2"};
      changes.push_back(one->is_shared() ? "TRUNCATE " + table : "REPLACE" + same);
      for (const std::string& change : changes) {
        const auto fault = storage::run(*one, change);
        ASSERT_TRUE(fault) << change;
        EXPECT_NE(fault->message.find(table + " only grows"), std::string::npos) << fault->message;
        EXPECT_EQ(storage::content_of(*one), before) << change;
      }
      EXPECT_FALSE(storage::run(*one, "INSERT" + same + " ON CONFLICT DO NOTHING")) << "a repeated booking";
    }
  }
}

INSTANTIATE_TEST_SUITE_P(On, PlatformSchema, testing::Values("Sqlite", "Postgres"), storage::database_kind);

}  // namespace
}  // namespace autark::platform
