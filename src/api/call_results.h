// Calls of a conversation and what came of them, the same in each dialect.
#pragma once
#include <optional>
#include <span>
#include "api/fields.h"

namespace autark::api {

// A call or a result without an id gets that of its other half: of those that are left of one round, the
// first call goes with the first result, and so on. A pair without any gets one that says nothing.
void give_missing_ids(std::span<Item> items);

// An answer that could only be to calls whose results are not there; `path` names the last message.
std::optional<Fault> missing_result(std::span<const Item> items, const std::string& path);

// What stands in a result in place of a block that is no text: one line that names it.
Text left_out(Fields& block, const std::string& type);

}  // namespace autark::api
