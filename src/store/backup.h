// A copy of a whole database in a file, which any kind of database can be filled from.
//
// The file is JSON lines: {"autark_backup":1,"version":N}, then for each table {"table","columns","last"} (the greatest
// number that its serial column ever gave) and its rows as lists, and at last {"rows","sum"} with a checksum of all lines
// before. A line has at most 256 MiB. Tables and columns are those that the database
// has; tables stand in the order in which they were made, so that no row refers to a later one.
#pragma once
#include <filesystem>
#include "store/database.h"

namespace autark::storage {

// Writes all tables as they are at one moment, while others may write. The file appears when it is whole and durable, for
// its owner only; an Error if there is one of this name.
std::optional<Error> backup(Database& database, const std::filesystem::path& file);
// Fills a database whose tables are empty, or that has none: takes the steps to the backup's version, loads it in one
// transaction, and takes the other steps. The database is unchanged after an Error before the last part. A damaged file is
// found before anything is loaded.
std::optional<Error> restore(const std::filesystem::path& file, Database& database,
                             std::span<const SchemaStep> steps);

}  // namespace autark::storage
