// api::Request's items as the conversation that a chat template takes.
#pragma once
#include "api/item.h"
#include "text/chat.h"

namespace autark::serve {

// Parts of one message are joined by a line break; developer becomes system, the role that templates know.
// The answer is asked for, unless the last message is to be continued.
text::Conversation conversation_of(const api::Request& request);

}  // namespace autark::serve
