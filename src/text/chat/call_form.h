// How a template writes the calls of an assistant's turn, seen by letting it write one. Private to text/.
#pragma once
#include "text/chat.h"

namespace autark::text {

// hermes: <tool_call> with a JSON object of name and arguments inside. A template that does not show the
// calls of a turn is believed what it tells the model. Others write other things inside that tag, or JSON
// without it: plain, as nobody here reads them.
OutputSyntax call_form(const ChatTemplate& chat, std::string_view source);

}  // namespace autark::text
