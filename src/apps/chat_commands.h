// Executes what is typed in a terminal chat. A message is to be sent; a command, which begins with /, shows
// or changes the conversation and its settings. Depends on neither the terminal nor the engine.
#pragma once
#include <string>
#include "apps/chat_input.h"
#include "apps/chat_settings.h"
#include "apps/conversation_file.h"

namespace autark::apps {

// The conversation so far, the settings for its next answer, and those that the program was started with.
struct ChatState {
  Conversation said;
  ChatSettings settings, usual;
};

// What the terminal has to do after an input. leave: end the program.
struct Reaction {
  enum class Kind { send, show, leave } kind = Kind::show;
  std::string text;  // the message to send or the text to show; may be empty
};

// Executes one input. Only commands change `chat`; an error is a text to show and changes nothing.
Reaction react(const Input& input, ChatState& chat);

}  // namespace autark::apps
