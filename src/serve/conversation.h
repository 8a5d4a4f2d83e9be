// Converts an api::Request to the input of a chat template: messages as in OpenAI Chat, tools, kwargs.
#pragma once
#include "api/item.h"
#include "serve/template_traits.h"
#include "text/chat.h"

namespace autark::serve {

// Settings of an answer. Unset fields leave the choice to the template.
struct ReasoningDefaults {
  std::optional<bool> thinking;  // whether the model thinks before it answers
  std::string effort;            // "low", "high" …
};

// What conversion depends on: the syntax of the model's markup and what the template accepts.
// Text parts of one message are joined by a line break, for DeepSeek V4 by an empty line, as its own encoder
// does. The role developer becomes system. Every tool result becomes a message of its own; a failed one
// begins with "Error: ". The template opens the answer, unless the request continues the last message.
// `usual`: settings for a request that does not set them.
text::Conversation conversation_of(const api::Request& request, const ReasoningDefaults& usual,
                                   const TemplateTraits& traits);

// Adds thinking and effort to `kwargs` under every name that templates use: enable_thinking, thinking,
// thinking_mode; reasoning_effort. Values that are there already are kept and decide the other names, too.
void set_reasoning(Json& kwargs, const ReasoningDefaults& reasoning, const TemplateTraits& traits);

}  // namespace autark::serve
