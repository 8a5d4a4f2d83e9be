// What a chat template accepts, found once by rendering small conversations with it.
#pragma once
#include "text/chat.h"

namespace autark::serve {

struct TemplateTraits {
  text::OutputSyntax syntax = text::OutputSyntax::plain;
  bool takes_tools = false;        // it writes tools into the prompt
  bool arguments_as_text = false;  // it wants the arguments of calls as JSON text, not as objects
  bool low_effort = false;         // it accepts "low" as reasoning_effort
  bool thinks = false;             // thinking can be turned on and off
};

// Renders about six conversations; milliseconds.
TemplateTraits traits_of(const text::ChatTemplate& chat);

}  // namespace autark::serve
