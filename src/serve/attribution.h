// The line with which Claude Code begins its first system block: "x-anthropic-billing-header: …". It changes with the
// program's version and would end the reuse of a prompt's state at its first token.
#pragma once
#include "api/item.h"

namespace autark::serve {

// Removes the line from the beginning of the first system text. Other text stays as it is.
void drop_attribution(api::Request& request);

}  // namespace autark::serve
