#include "api/tools.h"
#include <algorithm>
#include "api/client_tools.h"
#include "api/custom_tools.h"

namespace autark::api {
namespace {

constexpr size_t kNameBytesMax = 256;
constexpr size_t kTypeBytes = 40;  // of an unknown type, in a message or a counter

using Mode = ToolChoice::Mode;

std::string place(const Fields& f, size_t i, bool brackets) {
  const std::string at = std::to_string(i);
  return f.path_of("tools") + (brackets ? "[" + at + "]" : "." + at);
}

// The function stays as it was written: key order, and keys that only the model knows.
void read_function(Fields& g, Request& r) {
  Tool tool{read_tool_name(g), g.object()};
  g.text("description");
  g.object("parameters");
  tool.strict = g.flag("strict").value_or(false);
  if (!g.fault()) r.tools.push_back(std::move(tool));
}

// A tool whose input is text.
void read_custom(Fields& c, Request& r) {
  Tool tool{.name = read_tool_name(c), .function = {}, .custom = true};
  tool.function["name"] = tool.name;
  if (const auto about = c.text("description")) tool.function["description"] = *about;
  read_custom_format(c, true, tool);
  if (!c.fault()) r.tools.push_back(std::move(tool));
}

bool is_openai_tool(const std::string& type) {
  return type == "function" || type == "custom";
}

// Tools of other types are left out.
void read_openai_tool(Fields& f, const Json& json, const std::string& path, Request& r) {
  Fields t(json, path + ".");
  const std::string type = t.text("type").value_or("function");
  if (t.fault()) return f.fail(*t.fault());
  if (!is_openai_tool(type)) return r.ignored.push_back("tools." + type.substr(0, kTypeBytes)), void();
  const Json* inner = t.object(type);
  if (!t.fault() && !inner) t.fail(type, "is missing");
  if (t.fault()) return f.fail(*t.fault());
  Fields g(*inner, path + "." + type + ".");
  type == "custom" ? read_custom(g, r) : read_function(g, r);
  if (g.fault()) f.fail(*g.fault());
}

// The tool of {"type": "function", "function": {"name"}}, or the same with "custom".
std::string named_tool(Fields& c, const std::string& type) {
  if (!c.fault() && !is_openai_tool(type))
    c.fail({.kind = ApiError::Kind::unsupported,
            .message =
                "tool_choice of type '" + type.substr(0, kTypeBytes) + "' is not supported by this server",
            .param = "tool_choice"});
  const Json* inner = c.object(type);
  if (!c.fault() && !inner) c.fail(type, "is missing");
  if (c.fault()) return {};
  Fields g(*inner, c.path_of(type) + ".");
  std::string name = read_tool_name(g);
  if (g.fault()) c.fail(*g.fault());
  return name;
}

// {"mode", "tools"}: tools that are not allowed are taken away.
void read_allowed(Fields& c, Request& r) {
  const Json* allowed = c.object("allowed_tools");
  if (!c.fault() && !allowed) c.fail("allowed_tools", "is missing");
  if (c.fault()) return;
  Fields a(*allowed, c.path_of("allowed_tools") + ".");
  const std::string mode = a.text("mode").value_or("auto");
  if (!a.fault() && mode != "auto" && mode != "required") a.fail("mode", "must be auto or required");
  const Json* tools = a.array("tools");
  if (!a.fault() && !tools) a.fail("tools", "is missing");
  std::set<std::string> names;
  for (size_t i = 0; tools && i < tools->size() && !a.fault(); ++i) {
    Fields t((*tools)[i], place(a, i, true) + ".");
    const std::string type = t.text("type").value_or("");
    if (!t.fault() && is_openai_tool(type)) names.insert(named_tool(t, type));
    if (t.fault()) a.fail(*t.fault());
  }
  if (a.fault()) return c.fail(*a.fault());
  std::erase_if(r.tools, [&](const Tool& t) { return !names.contains(t.name); });
  if (mode == "required") r.tool_choice.mode = Mode::required;
}

void read_openai_choice(Fields& f, Request& r) {
  const Json* choice = f.find("tool_choice");
  if (!choice) return;
  if (*choice == "auto") return;
  if (*choice == "none") return r.tool_choice.mode = Mode::none, void();
  if (*choice == "required") return r.tool_choice.mode = Mode::required, void();
  if (!choice->is_object())
    return f.fail("tool_choice", "must be none, auto, required or an object naming a tool");
  Fields c(*choice, f.path_of("tool_choice") + ".");
  const std::string type = c.text("type").value_or("");
  if (type == "allowed_tools")
    read_allowed(c, r);
  else
    r.tool_choice = {Mode::named, named_tool(c, type)};
  if (c.fault()) f.fail(*c.fault());
}

// Tools that the client runs are functions of their published schema; tools that a server runs are left out.
void read_typed_tool(Fields& t, const std::string& type, Request& r) {
  auto function = client_tool(type);
  if (!function) return r.ignored.push_back("tools." + type.substr(0, kTypeBytes)), void();
  Tool tool{read_tool_name(t), {}};
  tool.function["name"] = tool.name;
  tool.function.update(*function);
  if (!t.fault()) r.tools.push_back(std::move(tool));
}

void read_anthropic_tool(Fields& f, const Json& json, const std::string& path, Request& r) {
  Fields t(json, path + ".");
  const std::string type = t.text("type").value_or("custom");
  if (!t.fault() && type != "custom") read_typed_tool(t, type, r);
  if (t.fault()) return f.fail(*t.fault());
  if (type != "custom") return;
  Tool tool{read_tool_name(t), {}};
  tool.function["name"] = tool.name;
  if (const auto about = t.text("description")) tool.function["description"] = *about;
  const Json* schema = t.object("input_schema");
  if (!t.fault() && !schema) t.fail("input_schema", "is missing");
  if (schema) tool.function["parameters"] = *schema;
  t.accept({"cache_control", "defer_loading", "eager_input_streaming", "input_examples", "allowed_callers"});
  tool.strict = t.flag("strict").value_or(false);
  if (t.fault()) return f.fail(*t.fault());
  r.tools.push_back(std::move(tool));
}

void read_anthropic_choice(Fields& f, Request& r) {
  const Json* choice = f.object("tool_choice");
  if (!choice) return;
  Fields c(*choice, f.path_of("tool_choice") + ".");
  const std::string type = c.text("type").value_or("");
  if (type == "none") r.tool_choice.mode = Mode::none;
  if (type == "any") r.tool_choice.mode = Mode::required;
  if (type == "tool") r.tool_choice = {Mode::named, read_tool_name(c)};
  if (!c.fault() && type != "auto" && type != "none" && type != "any" && type != "tool")
    c.fail("type", "must be auto, any, tool or none");
  r.parallel_calls = !c.flag("disable_parallel_tool_use").value_or(false);
  if (c.fault()) f.fail(*c.fault());
}

}  // namespace

std::string read_tool_name(Fields& f) {
  const auto name = f.text("name");
  if (!f.fault() && !name) f.fail("name", "is missing");
  if (name && (name->empty() || name->size() > kNameBytesMax))
    f.fail("name", "must have from 1 to " + std::to_string(kNameBytesMax) + " bytes");
  const auto breaks_markup = [](char c) { return c == '"' || (c >= 0 && c < 0x20); };
  if (name && std::ranges::any_of(*name, breaks_markup))
    f.fail("name", "must not have quotes or control characters");
  return name.value_or("");
}

void check_tool_choice(Fields& f, const Request& r) {
  const ToolChoice& c = r.tool_choice;
  if (f.fault() || c.mode == Mode::automatic || c.mode == Mode::none) return;
  if (r.tools.empty()) return f.fail("tool_choice", "asks for a call, but there are no tools");
  const auto is_it = [&](const Tool& t) { return t.name == c.name; };
  if (c.mode == Mode::named && std::ranges::none_of(r.tools, is_it))
    f.fail("tool_choice", "names the tool '" + c.name.substr(0, 80) + "', which is not among the tools");
}

void read_openai_functions(Fields& f, Request& r) {
  const Json* functions = f.array("functions");
  const Json* choice = f.find("function_call");
  if (!functions || functions->empty()) return;
  if (!r.tools.empty()) return f.fail("functions", "cannot be used with tools");
  for (size_t i = 0; i < functions->size() && !f.fault(); ++i) {
    Fields g((*functions)[i], f.path_of("functions") + "[" + std::to_string(i) + "].");
    if (!g.fault()) read_function(g, r);
    if (g.fault()) f.fail(*g.fault());
  }
  r.parallel_calls = false;
  if (f.fault() || !choice || *choice == "auto") return;
  if (*choice == "none") return r.tool_choice.mode = Mode::none, void();
  if (!choice->is_object())
    return f.fail("function_call", "must be none, auto or an object naming a function");
  Fields c(*choice, f.path_of("function_call") + ".");
  r.tool_choice = {Mode::named, read_tool_name(c)};
  const auto is_it = [&](const Tool& t) { return t.name == r.tool_choice.name; };
  if (!c.fault() && std::ranges::none_of(r.tools, is_it)) c.fail("name", "is not among the functions");
  if (c.fault()) f.fail(*c.fault());
}

void read_openai_tools(Fields& f, Request& r) {
  const Json* tools = f.array("tools");
  for (size_t i = 0; tools && i < tools->size() && !f.fault(); ++i)
    read_openai_tool(f, (*tools)[i], place(f, i, true), r);
  read_openai_choice(f, r);
  r.parallel_calls = f.flag("parallel_tool_calls").value_or(true);
  check_tool_choice(f, r);
}

void read_anthropic_tools(Fields& f, Request& r) {
  const Json* tools = f.array("tools");
  for (size_t i = 0; tools && i < tools->size() && !f.fault(); ++i)
    read_anthropic_tool(f, (*tools)[i], place(f, i, false), r);
  read_anthropic_choice(f, r);
  check_tool_choice(f, r);
}

}  // namespace autark::api
