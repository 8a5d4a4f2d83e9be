// api::Request's items as the conversation that a chat template takes: messages as the OpenAI chat dialect
// has them, tools, and settings.
#pragma once
#include "api/item.h"
#include "serve/template_traits.h"
#include "text/chat.h"

namespace autark::serve {

struct Manner {  // how the model answers where a request does not say
  std::optional<bool> thinking;
  std::string effort;
};

struct TemplateForm {  // what the template wants
  text::OutputSyntax syntax = text::OutputSyntax::plain;
  TemplateTraits traits;
};

// Parts of one message are joined as the template's own encoder joins texts; developer becomes system, the
// role that templates know; a tool's result becomes a message of its own, a failed one begins with "Error: ".
// The answer is asked for, unless the last message is to be continued.
text::Conversation conversation_of(const api::Request& request, const Manner& usual,
                                   const TemplateForm& form);

// Thinking and effort in every spelling that templates know: enable_thinking, thinking, thinking_mode;
// reasoning_effort. What kwargs already say stays, and counts as said.
void set_manner(Json& kwargs, const Manner& manner, const TemplateForm& form);

}  // namespace autark::serve
