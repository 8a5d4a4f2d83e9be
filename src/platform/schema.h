// The tables of the platform.
//
//   account ─ workspace ─ key            who may send requests
//           ─ member (of workspaces)     who may sign in
//   limit                                what each of them may use
//   usage, posting                       what they used and paid (append-only); usage_hour, book: their sums
//   server, reservation                  who runs, and what it has under way
#pragma once
#include <span>
#include "store/database.h"

namespace autark::platform {

std::span<const storage::SchemaStep> schema_steps();
// Takes all steps.
std::optional<Error> make_tables(storage::Database& database);

}  // namespace autark::platform
