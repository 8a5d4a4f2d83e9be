// The tokens with which a chat template closes the assistant's turn, whatever they are called: a model that
// was trained with it ends its answers so.
#pragma once
#include <cstdint>
#include <vector>
#include "text/chat.h"
#include "text/tokenizer.h"

namespace autark::text {

// Found by rendering. In order; empty where turns end in plain text. A template that closes no turn, but
// opens the next one with a token, ends the turn with that.
std::vector<int32_t> turn_ends(const ChatTemplate& chat, const Tokenizer& tokenizer);

}  // namespace autark::text
