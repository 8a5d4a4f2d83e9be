// Tools of the Messages API that the client runs and whose schema Anthropic has published: bash_…, text_editor_…
// and memory_…. A request names them by type only; the model gets them as functions.
#pragma once
#include <optional>
#include <string>
#include "api/item.h"

namespace autark::api {

// The function of the tool with this type, such as "bash_20250124"; empty if it is none of these tools.
std::optional<Json> client_tool(const std::string& type);

}  // namespace autark::api
