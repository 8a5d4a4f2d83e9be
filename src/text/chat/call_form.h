// Finds out how a template writes the calls of an assistant's turn, by rendering one. Private to text/.
#pragma once
#include "text/chat.h"

namespace autark::text {

// The syntax whose parser reads back the call that the template writes. If
// the template does not show the calls of a turn, the description of calls in its prompt decides whether it is
// hermes. plain: any other form, because there is no parser for it. `source`: the template's text.
OutputSyntax call_form(const ChatTemplate& chat, std::string_view source);

}  // namespace autark::text
