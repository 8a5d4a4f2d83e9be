// A chat in the terminal: what is said goes to the engine with the whole conversation, the answer is printed
// as it comes. It goes to standard output; what the model thinks goes to standard error, dimmed on a
// terminal.
#pragma once
#include <optional>
#include <string>
#include "apps/chat_commands.h"
#include "apps/open_model.h"
#include "serve/prompts.h"

namespace autark::apps {

class TerminalChat {
 public:
  // Model and state outlive it; the state holds what was said.
  TerminalChat(OpenModel& model, ChatState& state)
      : engine_(*model.engine), text_(model.text), prompts_(model.text), state_(state) {}

  // Asks, prints the answer as it comes and adds both to the conversation. Ctrl-C stops the answer.
  std::optional<Error> say(const std::string& text);

 private:
  api::Request request_of(const api::Item& question) const;

  engine::Engine& engine_;
  const text::ModelText& text_;
  const serve::Prompts prompts_;
  ChatState& state_;
};

}  // namespace autark::apps
