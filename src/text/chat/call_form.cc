#include "text/chat/call_form.h"
#include "text/tools/json_repair.h"

namespace autark::text {
namespace {

constexpr std::string_view kTag = "<tool_call>";
constexpr const char* kValue = "probed-value";
constexpr const char* kId = "probe0000";  // some templates accept only ids of nine letters and digits

Conversation question() {
  Conversation c;
  c.messages.push_back({{"role", "user"}, {"content", "hi"}});
  c.tools = Json::array({{{"type", "function"},
                          {"function",
                           {{"name", "probe"},
                            {"description", "probes"},
                            {"parameters", {{"type", "object"}, {"properties", Json::object()}}}}}}});
  return c;
}

// A conversation with a call and its result. `as_text`: arguments as JSON text, else as an object.
Conversation with_call(bool as_text) {
  Conversation c = question();
  const Json arguments{{"key", kValue}};
  const Json function{{"name", "probe"}, {"arguments", as_text ? Json(dump_json(arguments)) : arguments}};
  const Json call{{"id", kId}, {"type", "function"}, {"function", function}};
  c.messages.push_back({{"role", "assistant"}, {"content", ""}, {"tool_calls", Json::array({call})}});
  c.messages.push_back({{"role", "tool"}, {"tool_call_id", kId}, {"name", "probe"}, {"content", "0"}});
  return c;
}

// The text after each tag, without leading space.
std::vector<std::string_view> behind_tags(std::string_view text) {
  std::vector<std::string_view> all;
  for (size_t at = text.find(kTag); at != text.npos; at = text.find(kTag, at + 1)) {
    const size_t from = text.find_first_not_of(" \t\r\n", at + kTag.size());
    if (from != text.npos) all.push_back(text.substr(from));
  }
  return all;
}

bool is_hermes_call(std::string_view text) {
  JsonRepair object;
  auto step = JsonRepair::Step::more;
  for (size_t at = 0; at < text.size() && step == JsonRepair::Step::more; ++at) step = object.push(text[at]);
  if (step != JsonRepair::Step::done) return false;
  const auto call = parse_json(object.text(), "call");
  if (!call || !call->is_object() || call->value("name", Json()) != "probe") return false;
  const Json arguments = call->value("arguments", call->value("parameters", Json()));
  return dump_json(arguments).find(kValue) != std::string::npos;
}

// True for the beginning of an object such as {"name": <name>, …}, as prompts describe calls.
bool begins_object(std::string_view text) {
  if (!text.starts_with('{')) return false;
  const size_t key = text.find_first_not_of(" \t\r\n", 1);
  return key != text.npos && (text[key] == '"' || text[key] == '\'');
}

}  // namespace

OutputSyntax call_form(const ChatTemplate& chat, std::string_view source) {
  if (source.find(kTag) == source.npos) return OutputSyntax::plain;
  bool shown = false;
  for (const bool as_text : {false, true}) {
    const auto prompt = chat.render(with_call(as_text));
    if (!prompt) continue;
    for (const std::string_view call : behind_tags(prompt->text))
      if (is_hermes_call(call)) return OutputSyntax::hermes;
    shown |= prompt->text.find(kValue) != std::string::npos;
  }
  const auto told = chat.render(question());
  if (shown || !told) return OutputSyntax::plain;
  for (const std::string_view call : behind_tags(told->text))
    if (begins_object(call)) return OutputSyntax::hermes;
  return OutputSyntax::plain;
}

}  // namespace autark::text
