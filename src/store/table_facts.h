// What a database says of its own tables.
#pragma once
#include <string>
#include <vector>
#include "store/database.h"

namespace autark::storage {

struct TableFacts {
  std::string name;
  std::vector<std::string> columns;  // in their order
  std::string serial;                // the column that numbers the rows by itself; empty: none
};

// All tables of the schema, those that were made first come first; without what the database keeps for itself.
// `is_shared`: Database::is_shared(), which tells PostgreSQL from SQLite.
Result<std::vector<TableFacts>> table_facts(Transaction& t, bool is_shared);
// The number of steps that were taken, as this transaction sees it.
Result<int64_t> schema_version(Transaction& t, bool is_shared);
// A name as SQL takes any.
std::string quoted(const std::string& name);

}  // namespace autark::storage
