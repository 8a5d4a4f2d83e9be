// What a line of a chat in the terminal does: a message is sent; a word that begins with / is a command that
// changes or shows the conversation and its settings. Knows no terminal and no engine.
#pragma once
#include <string>
#include "apps/chat_input.h"
#include "apps/chat_settings.h"
#include "apps/conversation_file.h"

namespace autark::apps {

struct ChatState {
  Conversation said;
  ChatSettings settings, usual;  // usual: as the program was started
};

struct Reaction {
  enum class Kind { send, show, leave } kind = Kind::show;
  std::string text;  // to send, or to show; may be empty
};

Reaction react(const Input& input, ChatState& chat);

}  // namespace autark::apps
