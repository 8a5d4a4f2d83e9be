#include "api/openai_responses_input.h"
#include "api/call_results.h"
#include "api/faults.h"
#include "api/openai_fields.h"

namespace autark::api {
namespace {

constexpr size_t kTypeBytes = 40;  // of an unknown type, in a message or a counter

// The turn to which the assistant's next part belongs.
Item& assistants_turn(Request& r) {
  if (r.items.empty() || r.items.back().role != Role::assistant) r.items.push_back({Role::assistant, {}});
  return r.items.back();
}

void add(Request& r, Role role, std::vector<Part> parts) {
  if (role != Role::assistant) return r.items.push_back({role, std::move(parts)}), void();
  Item& turn = assistants_turn(r);
  for (Part& p : parts) turn.parts.push_back(std::move(p));
}

bool is_text(const std::string& type) {
  return type == "input_text" || type == "output_text" || type == "text";
}

// A part of a user's message that is not text is refused; in other places its name stands for it.
void read_part(Fields& m, const Json& json, const std::string& path, bool refuses, std::vector<Part>& parts) {
  Fields p(json, path + ".");
  const std::string type = p.text("type").value_or("");
  if (!p.fault() && type.empty()) p.fail("type", "is missing");
  if (p.fault()) return m.fail(*p.fault());
  if (!is_text(type) && type != "refusal") {
    if (!refuses) return parts.push_back(left_out(p, type)), void();
    return m.fail(not_text(path, type));
  }
  const char* field = type == "refusal" ? "refusal" : "text";
  const auto text = p.text(field);
  if (!p.fault() && !text) p.fail(field, "is missing");
  if (p.fault()) return m.fail(*p.fault());
  parts.push_back(Text{*text});
}

std::vector<Part> read_content(Fields& m, const char* name, bool refuses) {
  std::vector<Part> parts;
  const Json* content = m.find(name);
  if (!content) return parts;
  if (content->is_string()) return {Text{content->get<std::string>()}};
  if (!content->is_array()) return m.fail(name, "must be a string or a list of parts"), parts;
  for (size_t i = 0; i < content->size() && !m.fault(); ++i)
    read_part(m, (*content)[i], m.path_of(name) + "[" + std::to_string(i) + "]", refuses, parts);
  return parts;
}

void read_message(Fields& m, Request& r) {
  const auto role = role_of(m.text("role").value_or(""));
  if (!m.fault() && !role) m.fail("role", "must be system, developer, user or assistant");
  auto parts = read_content(m, "content", role == Role::user);
  if (!m.fault() && !m.find("content")) m.fail("content", "is missing");
  if (!m.fault()) add(r, *role, std::move(parts));
}

std::string required_text(Fields& m, const char* name) {
  const auto text = m.text(name);
  if (!m.fault() && !text) m.fail(name, "is missing");
  return text.value_or("");
}

void read_call(Fields& m, Request& r) {
  ToolCall call{.id = m.text("call_id").value_or(""), .name = required_text(m, "name"), .arguments = {}};
  call.name = flat_tool_name(m.text("namespace").value_or(""), call.name);
  call.arguments = read_arguments(m);
  if (!m.fault()) add(r, Role::assistant, {std::move(call)});
}

void read_custom_call(Fields& m, Request& r) {
  ToolCall call{.id = m.text("call_id").value_or(""), .name = required_text(m, "name"), .arguments = {}};
  call.name = flat_tool_name(m.text("namespace").value_or(""), call.name);
  call.arguments = custom_arguments(m.text("input").value_or(""));
  if (!m.fault()) add(r, Role::assistant, {std::move(call)});
}

void read_result(Fields& m, Request& r) {
  ToolResult result{.call = m.text("call_id").value_or("")};
  for (Part& p : read_content(m, "output", false)) result.parts.push_back(std::get<Text>(std::move(p)));
  if (!m.fault()) add(r, Role::user, {std::move(result)});
}

// The joined texts of a list of parts of any type.
std::string joined(const Json* list) {
  std::string all;
  if (!list) return all;
  for (const Json& part : *list) {
    const auto text = part.is_object() ? part.find("text") : part.end();
    if (part.is_object() && text != part.end() && text->is_string()) all += text->get<std::string>();
  }
  return all;
}

// The text itself if there is one, else its summary. Without both the item adds nothing: the server knows
// its own reasoning from its records.
void read_reasoning(Fields& m, Request& r) {
  std::string text = joined(m.array("content"));
  if (text.empty()) text = joined(m.array("summary"));
  if (!m.fault() && !text.empty()) add(r, Role::assistant, {Reasoning{std::move(text)}});
}

void read_unknown(Fields& m, const std::string& type, Request& r) {
  const bool own = type.ends_with("_call") || type == "item_reference";
  r.ignored.push_back("input." + type.substr(0, kTypeBytes));
  add(r, own ? Role::assistant : Role::user, {left_out(m, type)});
}

void read_item_of(const std::string& type, Fields& m, Request& r) {
  if (type == "message")
    read_message(m, r);
  else if (type == "function_call")
    read_call(m, r);
  else if (type == "custom_tool_call")
    read_custom_call(m, r);
  else if (type == "function_call_output" || type == "custom_tool_call_output")
    read_result(m, r);
  else if (type == "reasoning")
    read_reasoning(m, r);
  else
    read_unknown(m, type, r);
}

// A part that was added to an earlier turn of the assistant has a place of its own.
void name_places(const std::string& path, size_t items, size_t parts, Request& r) {
  if (r.items.size() > items) return r.items.back().place = path, void();
  if (r.items.empty() || r.items.back().parts.size() == parts) return;
  Item& turn = r.items.back();
  turn.places.resize(parts, turn.places.empty() ? turn.place : turn.places.back());
  turn.places.resize(turn.parts.size(), path);
}

void read_item(Fields& f, const Json& json, const std::string& path, Request& r) {
  Fields m(json, path + ".");
  const size_t items = r.items.size(), parts = r.items.empty() ? 0 : r.items.back().parts.size();
  const std::string type = m.text("type").value_or(m.find("role") ? "message"
                                                   : m.find("id") ? "item_reference"
                                                                  : "");
  if (!m.fault() && type.empty()) m.fail("type", "is missing");
  if (!m.fault()) read_item_of(type, m, r);
  if (m.fault()) return f.fail(*m.fault());
  name_places(path, items, parts, r);
}

// Items of an earlier response have no place in this request.
void read_previous(Fields& f, Request& r) {
  const Json* items = f.array(kPreviousItems);
  const size_t before = r.items.size();
  for (size_t i = 0; items && i < items->size() && !f.fault(); ++i)
    read_item(f, (*items)[i], "previous_response_id", r);
  for (size_t i = before; i < r.items.size(); ++i) r.items[i].place.clear(), r.items[i].places.clear();
}

void read_own_input(Fields& f, bool needed, Request& r) {
  const Json* input = f.find("input");
  if (f.fault() || (!input && !needed)) return;
  if (!input) return f.fail("input", "is missing");
  if (input->is_string())
    return r.items.push_back(
               {.role = Role::user, .parts = {Text{input->get<std::string>()}}, .place = "input[0]"}),
           void();
  if (!input->is_array()) return f.fail("input", "must be a string or a list of items");
  if (input->empty() && needed) return f.fail("input", "must have at least one item");
  for (size_t i = 0; i < input->size() && !f.fault(); ++i)
    read_item(f, (*input)[i], "input[" + std::to_string(i) + "]", r);
}

}  // namespace

void read_responses_input(Fields& f, Request& r) {
  if (const auto text = f.text("instructions"))
    r.items.push_back({.role = Role::system, .parts = {Text{*text}}, .place = "system"});
  const size_t instructions = r.items.size();
  read_previous(f, r);
  read_own_input(f, r.items.size() == instructions, r);
  if (f.fault() || r.items.empty()) return;
  const Item& last = r.items.back();
  const std::string& place = last.places.empty() ? last.place : last.places.back();
  if (auto fault = missing_result(r.items, place.empty() ? "previous_response_id" : place))
    return f.fail(*fault);
  give_missing_ids(r.items);
}

std::string flat_tool_name(const std::string& space, const std::string& name) {
  return space.empty() ? name : space + "__" + name;
}

std::string custom_arguments(const std::string& input) {
  return dump_json(Json{{"input", input}}, JsonStyle::roomy);
}

std::string custom_input(const std::string& arguments) {
  const auto read = parse_json(arguments, "arguments");
  if (!read || !read->is_object()) return arguments;
  const auto input = read->find("input");
  return input != read->end() && input->is_string() ? input->get<std::string>() : arguments;
}

}  // namespace autark::api
