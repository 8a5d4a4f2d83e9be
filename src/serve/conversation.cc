#include "serve/conversation.h"
#include <map>
#include "text/dialect.h"

namespace autark::serve {
namespace {

const char* name_of(api::Role role) {
  switch (role) {
    case api::Role::user:
      return "user";
    case api::Role::assistant:
      return "assistant";
    default:
      return "system";
  }
}

// Joins text parts. any() is false for an item without text parts, which differs from an empty text.
class Joined {
 public:
  explicit Joined(const TemplateTraits& traits)
      : between_(traits.syntax == text::OutputSyntax::dsml ? "\n\n" : "\n") {}
  void add(const std::string& text) {
    if (any_) text_ += between_;
    text_ += text;
    any_ = true;
  }
  bool any() const { return any_; }
  std::string take() {
    any_ = false;
    return std::exchange(text_, {});
  }

 private:
  const char* between_;
  std::string text_;
  bool any_ = false;
};

// Arguments that are no JSON are passed as text even if the template wants an object.
Json call_json(const api::ToolCall& c, const TemplateTraits& traits) {
  Json arguments = c.arguments;
  if (!traits.arguments_as_text)
    if (auto read = parse_json(c.arguments, "arguments")) arguments = std::move(*read);
  return Json{{"id", c.id},
              {"type", "function"},
              {"function", {{"name", c.name}, {"arguments", std::move(arguments)}}}};
}

Json result_json(const api::ToolResult& r, const TemplateTraits& traits) {
  Joined content(traits);
  for (const api::Text& t : r.parts) content.add(t.text);
  return Json{
      {"role", "tool"}, {"tool_call_id", r.call}, {"content", (r.error ? "Error: " : "") + content.take()}};
}

void add_assistant(Json& messages, const api::Item& item, const TemplateTraits& traits) {
  Joined content(traits), reasoning(traits);
  Json calls = Json::array();
  for (const api::Part& p : item.parts) {
    if (const auto* t = std::get_if<api::Text>(&p)) content.add(t->text);
    if (const auto* t = std::get_if<api::Reasoning>(&p)) reasoning.add(t->text);
    if (const auto* c = std::get_if<api::ToolCall>(&p)) calls.push_back(call_json(*c, traits));
  }
  Json m{{"role", "assistant"}, {"content", content.take()}};
  if (reasoning.any()) m["reasoning_content"] = reasoning.take();
  if (!calls.empty()) m["tool_calls"] = std::move(calls);
  messages.push_back(std::move(m));
}

// Adds a message that is not the assistant's. Tool results become messages of their own, in place.
void add_other(Json& messages, const api::Item& item, const TemplateTraits& traits) {
  Joined content(traits);
  const auto say = [&] { messages.push_back({{"role", name_of(item.role)}, {"content", content.take()}}); };
  for (const api::Part& p : item.parts) {
    if (const auto* t = std::get_if<api::Text>(&p)) content.add(t->text);
    if (const auto* r = std::get_if<api::ToolResult>(&p)) {
      if (content.any()) say();
      messages.push_back(result_json(*r, traits));
    }
  }
  if (content.any() || item.parts.empty()) say();
}

// What the kwargs say about thinking, under any of its names.
std::optional<bool> said_thinking(const Json& kwargs) {
  for (const char* name : {"enable_thinking", "thinking"})
    if (const auto v = kwargs.find(name); v != kwargs.end() && v->is_boolean()) return v->get<bool>();
  if (const auto v = kwargs.find("thinking_mode"); v != kwargs.end()) return *v == "thinking";
  return {};
}

// Maps the names that clients use to the levels of DeepSeek V4. The preview has no "low"; its lowest level is
// "high", which adds nothing to the prompt.
std::string v4_effort(const std::string& effort, const TemplateTraits& traits) {
  if (effort == "minimal" || effort == "low") return traits.low_effort ? "low" : "high";
  if (effort == "medium" || effort == "xhigh") return "high";
  return effort;
}

// Hy3's template knows "low" and "high", and does not think without an effort.
std::string hy3_effort(const std::string& effort) {
  return effort == "minimal" || effort == "low" ? "low" : "high";
}

// For templates that write the id of a call as it is and whose model reads the name from it: clients send ids of
// other forms, so every call gets its name and its number.
void name_ids(Json& messages) {
  std::map<std::string, std::string> named;
  int count = 0;
  for (Json& m : messages) {
    if (const auto calls = m.find("tool_calls"); calls != m.end())
      for (Json& c : *calls) {
        const std::string name = c["function"]["name"].get<std::string>();
        std::string& id = named[c["id"].get<std::string>()];
        id = "functions." + name + ":" + std::to_string(count++);
        c["id"] = id;
      }
    if (const auto result = m.find("tool_call_id"); result != m.end())
      if (const auto id = named.find(result->get<std::string>()); id != named.end()) *result = id->second;
  }
}

}  // namespace

void set_reasoning(Json& kwargs, const ReasoningDefaults& reasoning, const TemplateTraits& traits) {
  const auto set = [&](const char* name, Json value) {
    if (!kwargs.contains(name)) kwargs[name] = std::move(value);
  };
  std::optional<bool> thinking = said_thinking(kwargs);
  if (!thinking) thinking = reasoning.thinking;
  if (thinking) {
    set("enable_thinking", *thinking);
    set("thinking", *thinking);
    set("thinking_mode", *thinking ? "thinking" : "chat");
  }
  using enum text::OutputSyntax;
  const bool is_hy3 = traits.syntax == hy3 || traits.syntax == hy3_opensource;
  if (thinking == false || (reasoning.effort.empty() && !(is_hy3 && thinking))) return;
  set("reasoning_effort", is_hy3                  ? hy3_effort(reasoning.effort)
                          : traits.syntax == dsml ? v4_effort(reasoning.effort, traits)
                                                  : reasoning.effort);
}

text::Conversation conversation_of(const api::Request& request, const ReasoningDefaults& usual,
                                   const TemplateTraits& traits) {
  text::Conversation c;
  for (const api::Item& item : request.items) {
    const bool assistant = item.role == api::Role::assistant;
    (assistant ? add_assistant : add_other)(c.messages, item, traits);
    c.sampled.resize(c.messages.size());
    if (assistant) c.sampled.back() = item.sampled;
  }
  if (text::dialect_of(traits.syntax).name_prefixed) name_ids(c.messages);
  if (!request.tools.empty() && request.tool_choice.mode != api::ToolChoice::Mode::none) {
    c.tools = Json::array();
    for (const api::Tool& t : request.tools)
      c.tools->push_back({{"type", "function"}, {"function", t.function}});
  }
  c.kwargs = request.template_kwargs;
  set_reasoning(c.kwargs,
                {request.thinking ? request.thinking : usual.thinking,
                 request.effort.empty() ? usual.effort : request.effort},
                traits);
  const auto continued = c.kwargs.find("continue_final_message");
  const bool answer = continued == c.kwargs.end() || *continued != true;
  if (!c.kwargs.contains("add_generation_prompt")) c.kwargs["add_generation_prompt"] = answer;
  return c;
}

}  // namespace autark::serve
