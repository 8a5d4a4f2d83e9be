#include "text/chat/deepseek_v4_turns.h"
#include <algorithm>
#include <map>

namespace autark::text {
namespace {

using Role = V4Turn::Role;
using Turns = std::vector<V4Turn>;

// The text of a content: a text, or parts joined by empty lines. Parts of other types leave a note.
std::string text_of(const PythonJson* v) {
  if (!v) return {};
  if (v->is_text()) return v->text();
  std::string out;
  for (size_t i = 0; i < v->list().size(); ++i) {
    const PythonJson& part = v->list()[i];
    const PythonJson* type = part.find("type");
    if (i) out += "\n\n";
    if (type && type->is_text() && type->text() == "text")
      out += text_of(part.find("text"));
    else
      out += "[Unsupported " + (type ? type->text() : "None") + "]";
  }
  return out;
}

std::optional<Role> role_of(std::string_view name) {
  if (name == "system") return Role::system;
  if (name == "user" || name == "tool") return Role::user;
  if (name == "developer") return Role::developer;
  if (name == "latest_reminder") return Role::reminder;
  if (name == "assistant") return Role::assistant;
  return {};
}

// Reads tools, calls and a response format. User turns have none: the encoder has no place for them there.
std::optional<Error> read_attachments(const PythonJson& message, V4Turn& t) {
  const std::pair<const char*, PythonJson*> lists[] = {{"tools", &t.tools}, {"tool_calls", &t.calls}};
  for (const auto& [key, list] : lists) {
    if (const PythonJson* v = message.find(key)) *list = *v;
    if (!list->is_null() && !list->is_list())
      return Error{Code::invalid, std::string(key) + " of a message is not a list"};
    if (!std::ranges::all_of(list->list(), &PythonJson::is_map))
      return Error{Code::invalid, std::string(key) + " of a message holds what is not an object"};
  }
  if (const PythonJson* format = message.find("response_format")) t.format = *format;
  return {};
}

V4Block block_of(const PythonJson& message, const PythonJson* content, bool is_result) {
  V4Block b{.is_result = is_result, .text = text_of(content)};
  if (const PythonJson* id = message.find("tool_call_id"); id && is_result) b.call_id = id->text();
  return b;
}

Result<V4Turn> turn_of(const PythonJson& message) {
  const PythonJson* name = message.find("role");
  if (!name || !name->is_text()) return Error{Code::invalid, "a message has no role"};
  const auto role = role_of(name->text());
  if (!role)
    return Error{Code::invalid,
                 "DeepSeek V4 knows no role \"" + name->text() +
                     "\"; system, user, assistant, tool, developer and latest_reminder are known"};
  V4Turn t{.role = *role};
  const bool is_result = name->text() == "tool";
  const PythonJson* content = message.find("content");
  if (content && !content->is_null() && !content->is_text() && !content->is_list())
    return Error{Code::invalid, "the content of a message is neither a text nor a list"};
  if (const PythonJson* task = message.find("task"); task && !task->is_null() && !is_result)
    t.task = task->text();
  if (*role == Role::user) {
    t.blocks.push_back(block_of(message, content, is_result));
    return t;
  }
  t.content = text_of(content);
  t.reasoning = text_of(message.find("reasoning_content"));
  if (auto fault = read_attachments(message, t)) return *std::move(fault);
  if (const PythonJson* end = message.find("wo_eos")) t.without_end = *role == Role::assistant && bool(*end);
  return t;
}

// Merges each tool result, and each user text after a user turn without a task, into the turn before it.
Result<Turns> merged(const PythonJson& messages, std::span<const std::optional<SampledTurn>> sampled) {
  Turns turns;
  for (size_t i = 0; i < messages.list().size(); ++i) {
    const PythonJson& m = messages.list()[i];
    if (!m.is_map()) return Error{Code::invalid, "a message is not an object"};
    AUTARK_TRY(V4Turn turn, turn_of(m));
    const bool written = i < sampled.size() && sampled[i] && !sampled[i]->empty();
    if (written && turn.role == Role::assistant) turn.sampled = sampled[i];
    const bool after_user = !turns.empty() && turns.back().role == Role::user;
    if (turn.role == Role::user && after_user && (turn.blocks[0].is_result || !turns.back().task))
      turns.back().blocks.push_back(std::move(turn.blocks[0]));
    else
      turns.push_back(std::move(turn));
  }
  return turns;
}

std::string id_of(const PythonJson& call) {
  const PythonJson* id = call.find("id");
  if (const PythonJson* f = call.find("function"); f && (!id || !*id)) id = f->find("id");
  return id ? id->text() : "";
}

// Sorts the tool results of a turn in the order of the calls; other blocks keep their places. Unknown ids
// count as the first call.
void sort_results(V4Turn& turn, const std::map<std::string, size_t>& order) {
  std::vector<V4Block> results;
  for (const V4Block& b : turn.blocks)
    if (b.is_result) results.push_back(b);
  std::ranges::stable_sort(results, {}, [&](const V4Block& b) {
    const auto place = order.find(b.call_id);
    return place == order.end() ? size_t{0} : place->second;
  });
  size_t next = 0;
  for (V4Block& b : turn.blocks)
    if (b.is_result) b = std::move(results[next++]);
}

void sort_all_results(Turns& turns) {
  std::map<std::string, size_t> order;
  for (V4Turn& t : turns) {
    if (t.calls) {
      order.clear();
      for (size_t i = 0; i < t.calls.list().size(); ++i)
        if (const std::string id = id_of(t.calls.list()[i]); !id.empty()) order[id] = i;
    }
    if (t.role == Role::user && !order.empty()) sort_results(t, order);
  }
}

size_t last_question_of(const Turns& turns) {
  for (size_t i = turns.size(); i > 0; --i)
    if (turns[i - 1].asks()) return i - 1;
  return turns.size();
}

// Removes the reasoning before the last question, and the developer turns before it.
void drop_past_reasoning(Turns& turns) {
  const size_t last = last_question_of(turns);
  if (last == turns.size()) return;
  for (size_t i = 0; i < last; ++i) turns[i].reasoning.clear();
  size_t at = 0;
  std::erase_if(turns, [&](const V4Turn& t) { return at++ < last && t.role == Role::developer; });
}

}  // namespace

size_t V4Conversation::last_question() const {
  return last_question_of(turns);
}

Result<V4Conversation> v4_conversation(const PythonJson& context, const PythonJson& messages,
                                       std::span<const std::optional<SampledTurn>> sampled, bool thinking,
                                       bool drop_thinking) {
  V4Conversation c;
  AUTARK_TRY(Turns before, merged(context, {}));
  AUTARK_TRY(Turns now, merged(messages, sampled));
  c.turns = before;
  for (V4Turn& t : now) c.turns.push_back(std::move(t));
  sort_all_results(c.turns);
  const auto has_tools = [](const V4Turn& t) { return bool(t.tools); };
  c.drops_reasoning = drop_thinking && std::ranges::none_of(c.turns, has_tools);
  if (thinking && c.drops_reasoning) {
    drop_past_reasoning(c.turns);
    drop_past_reasoning(before);
  }
  c.sent = std::min(before.size(), c.turns.size());
  return c;
}

}  // namespace autark::text
