// Finds what the model wrote in a prompt that a Jinja template rendered. Private to text/.
#pragma once
#include <string>
#include <string_view>
#include "text/chat.h"
#include "text/chat/prompt_writer.h"

namespace autark::text {

// Fills in Prompt::sampled, so that the prompt has the tokens of earlier answers, and their state can be used
// again even where the tokenizer would cut the text differently. An answer is found where its exact text
// stands between `opening`, with which the template begins an answer, and markup. Turns that the template
// changes, and those with reasoning, are left as text. The time is bounded.
void place_sampled(Prompt& prompt, const Conversation& c, std::string_view opening, const Spellings& markup);

}  // namespace autark::text
