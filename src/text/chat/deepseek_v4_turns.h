// A conversation as DeepSeek V4's prompts have it: tool results and user texts merged into user turns,
// results in the order of their calls, past reasoning dropped. Private to text/.
#pragma once
#include <optional>
#include <string>
#include <vector>
#include "text/chat/python_json.h"

namespace autark::text {

struct V4Block {  // of a user turn
  bool is_result = false;
  std::string text;
  std::string call_id;
};

// What the model wrote after the header of its turn, up to its end: it stands in the prompt as it was.
struct V4Written {
  std::string text;
  std::vector<int32_t> ids;
};
struct V4Sampled {
  V4Written reasoning, answer;
  bool in_reasoning = false;  // the header was <think>
};

struct V4Turn {
  enum class Role { system, user, developer, reminder, assistant } role = Role::user;
  std::string content;          // of all roles but user
  std::vector<V4Block> blocks;  // of user
  std::string reasoning;
  PythonJson tools, format, calls;
  std::optional<V4Sampled> sampled;
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

// `context` and `messages` are lists or null. Dropping, where asked for, is off as soon as a message that can
// have tools has some.
Result<V4Conversation> v4_conversation(const PythonJson& context, const PythonJson& messages, bool thinking,
                                       bool drop_thinking);

}  // namespace autark::text
