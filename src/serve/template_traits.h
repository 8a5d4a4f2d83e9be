// What a chat template does with tools, found by rendering small conversations with it once.
#pragma once
#include "text/chat.h"

namespace autark::serve {

struct TemplateTraits {
  bool takes_tools = false;        // a prompt with tools differs from one without
  bool arguments_as_text = false;  // the arguments of calls go in as JSON text; otherwise as objects
};

TemplateTraits traits_of(const text::ChatTemplate& chat);

}  // namespace autark::serve
