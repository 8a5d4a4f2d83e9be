// Database in PostgreSQL, by libpq. Several servers may use one.
#pragma once
#include "store/database.h"

namespace autark::storage {

// An Error (unsupported) if the program was built without AUTARK_POSTGRES.
Result<std::unique_ptr<Database>> open_postgres_database(const std::string& url);

}  // namespace autark::storage
