// Goal: the tables of every version can be brought to the newest one and back, and keep their rows. Method: rows in every
// table of each version, on every kind of database.
#include "platform/schema.h"
#include "store/database_testing.h"

namespace autark::platform {
namespace {

class PlatformSchema : public storage::DatabaseTest {};

TEST_P(PlatformSchema, KeepsRowsFromEveryVersionForwardAndBack) {
  for (size_t from = 0; from <= schema_steps().size(); ++from)
    storage::expect_steps_keep_rows(*open_empty(), schema_steps(), from);
}

INSTANTIATE_TEST_SUITE_P(On, PlatformSchema, testing::Values("Sqlite", "Postgres"), storage::database_kind);

}  // namespace
}  // namespace autark::platform
