// Finds out how a template writes the calls of an assistant's turn, by rendering one. Private to text/.
#pragma once
#include <string_view>
#include <vector>
#include "text/chat.h"

namespace autark::text {

// A question, a call with one argument, and its result. Each conversation has them in another form, because templates do
// not accept all forms. The constants are the texts of the question, the argument and the result.
std::vector<Conversation> conversations_with_call();
inline constexpr std::string_view kProbedQuestion = "probing-question", kProbedValue = "probed-value",
                                  kProbedResult = "7531902468";

// The syntax whose parser reads back the call that the template writes. If
// the template does not show the calls of a turn, the description of calls in its prompt decides whether it is
// hermes. plain: any other form, because there is no parser for it. `source`: the template's text.
OutputSyntax call_form(const ChatTemplate& chat, std::string_view source);

}  // namespace autark::text
