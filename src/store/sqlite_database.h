// Database in an SQLite file, with a write-ahead log beside it. One transaction writes at a time; reads have a
// connection of their own and do not wait for it. Other processes may use the file, too.
#pragma once
#include "store/database.h"

namespace autark::storage {

// ":memory:" is a database that ends with the object.
Result<std::unique_ptr<Database>> open_sqlite_database(const std::string& path);

}  // namespace autark::storage
