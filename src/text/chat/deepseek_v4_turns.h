// A conversation as DeepSeek V4's prompts have it: tool results and user texts merged into user turns,
// results in the order of their calls, past reasoning dropped. Private to text/.
#pragma once
#include <optional>
#include <span>
#include <string>
#include <vector>
#include "base/sampled.h"
#include "text/chat/python_json.h"

namespace autark::text {

struct V4Block {  // of a user turn
  bool is_result = false;
  std::string text;
  std::string call_id;
};

struct V4Turn {
  enum class Role { system, user, developer, reminder, assistant } role = Role::user;
  std::string content;          // of all roles but user
  std::vector<V4Block> blocks;  // of user
  std::string reasoning;
  PythonJson tools, format, calls;
  // What the model wrote behind the header of this turn: it stands in the prompt as it was.
  std::optional<Sampled> sampled;
  std::optional<std::string> task;
  bool without_end = false;

  bool asks() const { return role == Role::user || role == Role::developer; }
};

struct V4Conversation {
  std::vector<V4Turn> turns;
  size_t sent = 0;  // turns before this one are in the context already
  bool drops_reasoning = false;

  size_t last_question() const;  // turns.size() where there is none
};

// `context` and `messages` are lists or null; `sampled` is of the messages, and may be shorter. Dropping,
// where asked for, is off as soon as a message that can have tools has some.
Result<V4Conversation> v4_conversation(const PythonJson& context, const PythonJson& messages,
                                       std::span<const std::optional<Sampled>> sampled, bool thinking,
                                       bool drop_thinking);

}  // namespace autark::text
