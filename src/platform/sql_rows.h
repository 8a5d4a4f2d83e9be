// Statements with many rows: "($1,$2),($3,$4)".
#pragma once
#include <span>
#include <string>
#include <vector>
#include "store/database.h"

namespace autark::platform {

// "($1,$2),($3,$4)" for 2 rows of 2 columns.
std::string rows_text(size_t rows, size_t columns);
// "$3,$4,$5" for 3 parameters from number 3 on.
std::string list_text(size_t first, size_t count);
// Calls `work(first, count)` for pieces of 64, 16, 4 and 1 rows, so that a database keeps few different statements.
std::optional<Error> in_pieces(size_t rows, const std::function<std::optional<Error>(size_t, size_t)>& work);

}  // namespace autark::platform
