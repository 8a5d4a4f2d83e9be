#include "text/chat/call_form.h"
#include <algorithm>
#include <optional>
#include "text/dialect.h"
#include "text/tools/json_repair.h"

namespace autark::text {
namespace {

constexpr std::string_view kTag = "<tool_call>";
// Some templates accept only ids of nine letters and digits; others write the id as it is, with the name in it.
constexpr const char* kIds[] = {"probe0000", "functions.probe:0"};

Conversation question() {
  Conversation c;
  c.messages.push_back({{"role", "user"}, {"content", kProbedQuestion}});
  c.tools = Json::array({{{"type", "function"},
                          {"function",
                           {{"name", "probe"},
                            {"description", "probes"},
                            {"parameters", {{"type", "object"}, {"properties", Json::object()}}}}}}});
  return c;
}

// A conversation with a call and its result. `as_text`: arguments as JSON text, else as an object.
Conversation with_call(bool as_text, const char* id) {
  Conversation c = question();
  const Json arguments{{"key", kProbedValue}};
  const Json function{{"name", "probe"}, {"arguments", as_text ? Json(dump_json(arguments)) : arguments}};
  const Json call{{"id", id}, {"type", "function"}, {"function", function}};
  c.messages.push_back({{"role", "assistant"}, {"content", ""}, {"tool_calls", Json::array({call})}});
  c.messages.push_back(
      {{"role", "tool"}, {"tool_call_id", id}, {"name", "probe"}, {"content", kProbedResult}});
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
  return dump_json(arguments).find(kProbedValue) != std::string::npos;
}

// True for the beginning of an object such as {"name": <name>, …}, as prompts describe calls.
bool begins_object(std::string_view text) {
  if (!text.starts_with('{')) return false;
  const size_t key = text.find_first_not_of(" \t\r\n", 1);
  return key != text.npos && (text[key] == '"' || text[key] == '\'');
}

bool is_probe(const ToolCall& call) {
  const auto arguments = parse_json(call.arguments, "arguments");
  return call.name == "probe" && arguments && *arguments == Json{{"key", kProbedValue}};
}

// What the template writes behind the question: its assistant's turn, and what follows. All, if it does not
// show the question.
std::string_view behind_question(std::string_view prompt) {
  const size_t at = prompt.rfind(kProbedQuestion);
  return at == prompt.npos ? prompt : prompt.substr(at + kProbedQuestion.size());
}

// True if the parser of `syntax` finds the call in a turn that the template wrote.
bool reads_call(OutputSyntax syntax, std::string_view turn) {
  const Dialect& dialect = dialect_of(syntax);
  if (dialect.reader == CallReader::none || turn.find(dialect.evidence) == turn.npos) return false;
  if (dialect.bare_object) turn.remove_prefix(std::min(turn.find('{'), turn.size()));
  const auto parser = make_output_parser(syntax);
  auto pieces = parser->push(turn);
  for (OutputPiece& piece : parser->finish(false)) pieces.push_back(std::move(piece));
  return std::ranges::any_of(gather(pieces).tool_calls, is_probe);
}

std::optional<OutputSyntax> syntax_of_turn(std::string_view turn, std::string_view source) {
  for (const std::string_view call : behind_tags(turn))
    if (is_hermes_call(call))
      return source.find(dialect_of(OutputSyntax::ernie).evidence) == source.npos ? OutputSyntax::hermes
                                                                                  : OutputSyntax::ernie;
  // Objects without a marker last: others have an object inside a marker.
  for (const bool bare : {false, true})
    for (int i = 0; i < kSyntaxCount; ++i)
      if (dialect_of(OutputSyntax(i)).bare_object == bare && reads_call(OutputSyntax(i), turn))
        return OutputSyntax(i);
  return {};
}

// The dialect whose marker before calls stands in a template that no probe could render: its own tokens are not known
// here, or it does what Jinja2's sandbox forbids.
OutputSyntax syntax_of_source(std::string_view source) {
  for (int i = 0; i < kSyntaxCount; ++i) {
    const Dialect& d = dialect_of(OutputSyntax(i));
    if (d.reader == CallReader::none || d.bare_object || source.find(d.evidence) == source.npos) continue;
    const auto begins_calls = [&](const Marker& m) {
      return d.shape.any.starts_with(m.text) && source.find(m.text) != source.npos;
    };
    if (std::ranges::any_of(d.markers, begins_calls)) return OutputSyntax(i);
  }
  return OutputSyntax::plain;
}

}  // namespace

std::vector<Conversation> conversations_with_call() {
  std::vector<Conversation> all;
  for (const char* id : kIds)
    for (const bool as_text : {false, true}) all.push_back(with_call(as_text, id));
  return all;
}

OutputSyntax call_form(const ChatTemplate& chat, std::string_view source) {
  bool shown = false;
  for (const Conversation& c : conversations_with_call()) {
    const auto prompt = chat.render(c);
    if (!prompt) continue;
    if (const auto found = syntax_of_turn(behind_question(prompt->text), source)) return *found;
    shown |= prompt->text.find(kProbedValue) != std::string::npos;
  }
  if (shown) return OutputSyntax::plain;
  if (source.find(kTag) == source.npos) return syntax_of_source(source);
  const auto told = chat.render(question());
  if (!told) return OutputSyntax::plain;
  for (const std::string_view call : behind_tags(told->text))
    if (begins_object(call)) return OutputSyntax::hermes;
  return OutputSyntax::plain;
}

}  // namespace autark::text
