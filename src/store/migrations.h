// The numbered steps that make the tables. The number of steps that a file has taken is its user_version.
#pragma once
#include "store/sqlite.h"

namespace autark::storage {

// Takes the steps that are missing, each in a transaction. An Error if the file has taken more steps than
// this program knows.
std::optional<Error> migrate(Sqlite& db);

}  // namespace autark::storage
