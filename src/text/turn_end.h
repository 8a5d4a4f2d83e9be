// Finds the tokens with which a chat template closes the assistant's turn, of text or of calls. A model that was trained with the
// template ends its answers with them, even if no file names them as end tokens.
#pragma once
#include <cstdint>
#include <vector>
#include "text/chat.h"
#include "text/tokenizer.h"

namespace autark::text {

// Renders a few conversations. Returns at most three tokens, none if turns end in plain text. If a template
// closes no turn but opens the next one with a token, that token counts as the end.
std::vector<int32_t> turn_ends(const ChatTemplate& chat, const Tokenizer& tokenizer);

}  // namespace autark::text
