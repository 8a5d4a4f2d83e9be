// Checks and repairs of the tool calls and results in a conversation, shared by the dialects.
#pragma once
#include <optional>
#include <span>
#include "api/fields.h"

namespace autark::api {

// Fills in missing ids. In each round of calls and results, pairs with equal ids are set aside; the rest is
// matched by order, the first call with the first result. If only one of a pair has an id, both get it; if
// neither has, both get a generated one.
void give_missing_ids(std::span<Item> items);

// A fault if the conversation ends with a call of the assistant, whose result is therefore missing. `path`
// is the request's path of the last message, for the error text.
std::optional<ApiError> missing_result(std::span<const Item> items, const std::string& path);

// The text that replaces an image, a document or a file in a tool result: "[image NAME left out]". The name
// is taken from the block's title, filename or similar field, if it has one.
Text left_out(Fields& block, const std::string& type);

}  // namespace autark::api
