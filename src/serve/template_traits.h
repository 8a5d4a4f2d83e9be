// What a chat template does with tools and efforts, found by rendering small conversations with it once.
#pragma once
#include "text/chat.h"

namespace autark::serve {

struct TemplateTraits {
  bool takes_tools = false;        // a prompt with tools differs from one without
  bool arguments_as_text = false;  // the arguments of calls go in as JSON text; otherwise as objects
  bool low_effort = false;         // reasoning_effort may be "low"
};

TemplateTraits traits_of(const text::ChatTemplate& chat);

}  // namespace autark::serve
