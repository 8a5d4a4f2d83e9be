// Database in PostgreSQL, by libpq. Several servers may use one. Changes are SERIALIZABLE: what a transaction read is still
// true when it commits, and those that conflict run again; so SQL needs no locks. Up to eight calls of a process use a
// connection each, more wait. A lost connection is opened again.
#pragma once
#include "store/database.h"

namespace autark::storage {

// An Error (unsupported) if the program was built without AUTARK_POSTGRES.
Result<std::unique_ptr<Database>> open_postgres_database(const std::string& url);

}  // namespace autark::storage
