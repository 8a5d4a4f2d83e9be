// Sums of costs, for budgets.
#pragma once
#include "platform/clock.h"
#include "store/database.h"

namespace autark::platform {

// See Ledger::spent(). Reads sums by hour, and the requests of the hour in which `since` is.
Result<int64_t> spent_since(storage::Database& database, const std::string& level, const std::string& subject,
                            const std::string& model, Micros since);

}  // namespace autark::platform
