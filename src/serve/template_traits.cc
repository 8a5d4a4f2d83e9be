#include "serve/template_traits.h"

namespace autark::serve {
namespace {

// Two spaces after the colon: a template that parses and writes arguments would not reproduce them.
constexpr const char* kArguments = "{\"probe\":  1}";
// Some templates accept only ids of nine letters and digits.
constexpr const char* kId = "probe0000";

Json probing_tools() {
  return Json::array({{{"type", "function"},
                       {"function",
                        {{"name", "probe"},
                         {"description", "probes"},
                         {"parameters", {{"type", "object"}, {"properties", Json::object()}}}}}}});
}

Json question() {
  return Json::array({{{"role", "user"}, {"content", "hi"}}});
}

// If rendering with tools fails, report support: the real request returns the template's own error.
bool takes_tools(const text::ChatTemplate& chat) {
  text::Conversation c{.messages = question()};
  const auto without = chat.render(c);
  c.tools = probing_tools();
  const auto with = chat.render(c);
  return !with || (without && with->text != without->text);
}

bool keeps_text(const text::ChatTemplate& chat) {
  text::Conversation c{.messages = question(), .tools = probing_tools()};
  const Json call{
      {"id", kId}, {"type", "function"}, {"function", {{"name", "probe"}, {"arguments", kArguments}}}};
  c.messages.push_back({{"role", "assistant"}, {"content", ""}, {"tool_calls", Json::array({call})}});
  c.messages.push_back({{"role", "tool"}, {"tool_call_id", kId}, {"content", "0"}});
  const auto prompt = chat.render(c);
  return prompt && prompt->text.find(kArguments) != std::string::npos;
}

bool takes_low_effort(const text::ChatTemplate& chat) {
  return bool(chat.render(
      {.messages = question(), .kwargs = {{"thinking_mode", "thinking"}, {"reasoning_effort", "low"}}}));
}

bool can_think(const text::ChatTemplate& chat) {
  const auto with = [&](bool on) {
    return chat.render({.messages = question(), .kwargs = {{"enable_thinking", on}, {"thinking", on}}});
  };
  const auto on = with(true), off = with(false);
  return on && off && (on->text != off->text || on->in_reasoning != off->in_reasoning);
}

}  // namespace

TemplateTraits traits_of(const text::ChatTemplate& chat) {
  return {.syntax = chat.syntax(),
          .takes_tools = takes_tools(chat),
          .arguments_as_text = chat.syntax() == text::OutputSyntax::dsml || keeps_text(chat),
          .low_effort = takes_low_effort(chat),
          .thinks = can_think(chat)};
}

}  // namespace autark::serve
