// Converts messages to the turns of a DeepSeek V4 prompt: tool results and user texts are merged into user
// turns, results are sorted in the order of their calls, past reasoning is dropped. Private to text/.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>
#include "base/sampled_turn.h"
#include "text/chat/python_json.h"

namespace autark::text {

// A text or a tool result in a user turn.
struct V4Block {
  bool is_result = false;
  std::string text;
  std::string call_id;  // of a result
};

struct V4Turn {
  enum class Role { system, user, developer, reminder, assistant } role = Role::user;
  std::string content;          // of all roles except user
  std::vector<V4Block> blocks;  // of the role user
  std::string reasoning;
  PythonJson tools, format, calls;
  // What the model wrote in this turn; the prompt gets these tokens if it can.
  std::optional<SampledTurn> sampled;
  std::optional<std::string> task;  // "action", "query" …: the special token that ends a question
  bool without_end = false;  // of the assistant: the turn gets no end token, because the answer continues it

  bool asks() const { return role == Role::user || role == Role::developer; }
};

struct V4Conversation {
  std::vector<V4Turn> turns;
  size_t sent = 0;  // turns before this one are in the context already and are not written
  bool drops_reasoning = false;

  size_t last_question() const;  // index of the last user or developer turn; turns.size() if there is none
};

// `context` and `messages` are lists or null. `sampled` belongs to the messages and may be shorter.
// `drop_thinking` has no effect if any turn has tools.
Result<V4Conversation> v4_conversation(const PythonJson& context, const PythonJson& messages,
                                       std::span<const std::optional<SampledTurn>> sampled, bool thinking,
                                       bool drop_thinking);

}  // namespace autark::text
