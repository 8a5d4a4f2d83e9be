// The texts that every database keeps as they are.
#pragma once
#include <span>
#include "store/database.h"

namespace autark::storage {

// Whether it is UTF-8 without NUL.
bool is_plain_text(std::string_view bytes);
// An Error (invalid) if a text among the values is not plain, or too long.
std::optional<Error> fault_of_texts(std::span<const Value> values);

}  // namespace autark::storage
