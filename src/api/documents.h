// Blocks of Messages that hold a text of somebody else: documents and results of a search.
#pragma once
#include <optional>
#include <string>
#include "base/json.h"

namespace autark::api {

// The title, the source and the text of a `document` or `search_result` block, each on lines of its own. Unset if
// the block holds no text, such as a PDF file.
std::optional<std::string> document_text(const Json& block);

}  // namespace autark::api
