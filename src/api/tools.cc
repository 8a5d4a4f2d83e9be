#include "api/tools.h"
#include <algorithm>

namespace autark::api {
namespace {

constexpr size_t kNameBytesMax = 256;

using Mode = ToolChoice::Mode;

std::string place(const Fields& f, size_t i, bool brackets) {
  const std::string at = std::to_string(i);
  return f.path_of("tools") + (brackets ? "[" + at + "]" : "." + at);
}

// The function stays as it was written: key order, and keys that only the model knows.
void read_openai_tool(Fields& f, const Json& json, const std::string& path, Request& r) {
  Fields t(json, path + ".");
  const std::string type = t.text("type").value_or("function");
  if (!t.fault() && type != "function")
    t.fail({.kind = ApiError::Kind::unsupported,
            .message = path + " has type '" + type.substr(0, 40) + "'; this server takes functions only",
            .param = path});
  const Json* function = t.object("function");
  if (!t.fault() && !function) t.fail("function", "is missing");
  if (t.fault()) return f.fail(*t.fault());
  Fields g(*function, path + ".function.");
  Tool tool{read_tool_name(g), *function};
  g.text("description");
  g.object("parameters");
  tool.strict = g.flag("strict").value_or(false);
  if (g.fault()) return f.fail(*g.fault());
  r.tools.push_back(std::move(tool));
}

void read_openai_choice(Fields& f, Request& r) {
  const Json* choice = f.find("tool_choice");
  if (!choice) return;
  if (*choice == "auto") return;
  if (*choice == "none") return r.tool_choice.mode = Mode::none, void();
  if (*choice == "required") return r.tool_choice.mode = Mode::required, void();
  if (!choice->is_object())
    return f.fail("tool_choice", "must be none, auto, required or an object naming a function");
  Fields c(*choice, f.path_of("tool_choice") + ".");
  const std::string type = c.text("type").value_or("");
  if (!c.fault() && type != "function")
    c.fail({.kind = ApiError::Kind::unsupported,
            .message = "tool_choice of type '" + type.substr(0, 40) + "' is not supported by this server",
            .param = "tool_choice"});
  if (const Json* function = c.object("function")) {
    Fields g(*function, c.path_of("function") + ".");
    r.tool_choice = {Mode::named, read_tool_name(g)};
    if (g.fault()) c.fail(*g.fault());
  } else if (!c.fault()) {
    c.fail("function", "is missing");
  }
  if (c.fault()) f.fail(*c.fault());
}

void read_anthropic_tool(Fields& f, const Json& json, const std::string& path, Request& r) {
  Fields t(json, path + ".");
  const std::string type = t.text("type").value_or("custom");
  if (!t.fault() && type != "custom")
    t.fail({.kind = ApiError::Kind::unsupported,
            .message = path + " has type '" + type.substr(0, 40) +
                       "'; this server takes tools that the client runs only",
            .param = path});
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
