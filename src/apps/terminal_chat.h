// A chat in the terminal. Each message is sent to the engine with the whole conversation; the answer is
// printed to standard output as it arrives. Reasoning is printed to standard error, dimmed on a terminal.
#pragma once
#include <optional>
#include <string>
#include "apps/chat_commands.h"
#include "apps/open_model.h"
#include "serve/prompts.h"

namespace autark::apps {

class TerminalChat {
 public:
  // Keeps references: `model` and `state` must outlive the object. `state` holds the conversation.
  TerminalChat(OpenModel& model, ChatState& state)
      : engine_(*model.engine), text_(model.text), prompts_(model.text), state_(state) {}

  // Sends a message, prints the answer and adds both to the conversation. Blocks until the answer ends;
  // Ctrl-C stops it.
  std::optional<Error> say(const std::string& text);

 private:
  api::Request request_of(const api::Item& question) const;

  engine::Engine& engine_;
  const text::ModelText& text_;
  const serve::Prompts prompts_;
  ChatState& state_;
};

}  // namespace autark::apps
