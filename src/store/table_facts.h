// What a database says of its own tables.
#pragma once
#include <string>
#include <vector>
#include "store/database.h"

namespace autark::storage {

struct TableFacts {
  std::string name;
  std::vector<std::string> columns;  // in their order
  std::vector<std::string> numbers;  // those with numbers; the others have texts
  std::string serial;                // the column that numbers the rows by itself; empty: none
};

// All tables of the schema, those that were made first come first; without what the database keeps for itself.
// `is_shared`: Database::is_shared(), which tells PostgreSQL from SQLite.
Result<std::vector<TableFacts>> table_facts(Transaction& t, bool is_shared);
// The greatest number that the serial column of a table was given, also by rows that are gone; 0: none.
Result<int64_t> last_serial(Transaction& t, bool is_shared, const TableFacts& table);
// New rows get greater numbers than `last`. REQUIRES: the table has no rows with greater ones.
std::optional<Error> set_last_serial(Transaction& t, bool is_shared, const TableFacts& table, int64_t last);
// The number of steps that were taken, as this transaction sees it.
Result<int64_t> schema_version(Transaction& t, bool is_shared);
// A name as SQL takes any.
std::string quoted(const std::string& name);

}  // namespace autark::storage
