// What the databases share about the steps of a schema.
#pragma once
#include "store/database.h"

namespace autark::storage {

struct NextStep {
  const SchemaText* text = nullptr;  // nullptr: the database has the wanted version
  int64_t version = 0;               // after the step
};

// The step to take from version `taken` towards `wanted`. An Error if the database knows more steps than `steps`.
Result<NextStep> next_step(std::span<const SchemaStep> steps, int64_t taken, size_t wanted);
// The text with `type` in the place of {serial}.
std::string with_serial(std::string sql, std::string_view type);

}  // namespace autark::storage
