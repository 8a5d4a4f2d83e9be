#include "api/openai_responses_tools.h"
#include <algorithm>
#include "api/custom_tools.h"
#include "api/openai_responses_input.h"
#include "api/tools.h"

namespace autark::api {
namespace {

using Mode = ToolChoice::Mode;

constexpr size_t kTypeBytes = 40;

// The beginning of a tool: its names and description.
Tool begun(Fields& t, const std::string& space) {
  Tool tool{.name = flat_tool_name(space, read_tool_name(t)), .function = {}, .space = space};
  tool.function["name"] = tool.name;
  if (const auto about = t.text("description")) tool.function["description"] = *about;
  return tool;
}

void read_function(Fields& t, const std::string& space, Request& r) {
  Tool tool = begun(t, space);
  if (const Json* schema = t.object("parameters")) tool.function["parameters"] = *schema;
  tool.strict = t.flag("strict").value_or(false);
  if (!t.fault()) r.tools.push_back(std::move(tool));
}

void read_custom(Fields& t, const std::string& space, Request& r) {
  Tool tool = begun(t, space);
  tool.custom = true;
  read_custom_format(t, false, tool);
  if (!t.fault()) r.tools.push_back(std::move(tool));
}

void read_tool(Fields& f, const Json& json, const std::string& path, const std::string& space, Request& r);

void read_list(Fields& f, const Json* tools, const std::string& space, Request& r) {
  for (size_t i = 0; tools && i < tools->size() && !f.fault(); ++i)
    read_tool(f, (*tools)[i], f.path_of("tools") + "[" + std::to_string(i) + "]", space, r);
}

// A namespace within a namespace is left out.
void read_tool(Fields& f, const Json& json, const std::string& path, const std::string& space, Request& r) {
  Fields t(json, path + ".");
  const std::string type = t.text("type").value_or("");
  if (!t.fault() && type.empty()) t.fail("type", "is missing");
  if (t.fault()) return f.fail(*t.fault());
  if (type == "function")
    read_function(t, space, r);
  else if (type == "custom")
    read_custom(t, space, r);
  else if (type == "namespace" && space.empty())
    read_list(t, t.array("tools"), read_tool_name(t), r);
  else
    r.ignored.push_back("tools." + type.substr(0, kTypeBytes));
  if (t.fault()) f.fail(*t.fault());
}

// The flat name of a tool that tool_choice names. A type that this server does not run is a fault.
std::string named_tool(Fields& c, const std::string& type) {
  if (!c.fault() && type != "function" && type != "custom")
    c.fail({.kind = ApiError::Kind::unsupported,
            .message =
                "tool_choice of type '" + type.substr(0, kTypeBytes) + "' is not supported by this server",
            .param = "tool_choice"});
  const std::string space = c.text("namespace").value_or("");
  return c.fault() ? std::string() : flat_tool_name(space, read_tool_name(c));
}

// Tools that are not allowed are taken away. Allowed tools that this server leaves out are skipped.
void read_allowed(Fields& c, Request& r) {
  const std::string mode = c.text("mode").value_or("auto");
  if (!c.fault() && mode != "auto" && mode != "required") c.fail("mode", "must be auto or required");
  std::set<std::string> names;
  const Json* tools = c.array("tools");
  for (size_t i = 0; tools && i < tools->size() && !c.fault(); ++i) {
    Fields t((*tools)[i], c.path_of("tools") + "[" + std::to_string(i) + "].");
    const std::string type = t.text("type").value_or("");
    if (!t.fault() && (type == "function" || type == "custom")) names.insert(named_tool(t, type));
    if (t.fault()) c.fail(*t.fault());
  }
  std::erase_if(r.tools, [&](const Tool& t) { return !names.contains(t.name); });
  if (mode == "required") r.tool_choice.mode = Mode::required;
}

void read_choice(Fields& f, Request& r) {
  const Json* choice = f.find("tool_choice");
  if (!choice || *choice == "auto") return;
  if (*choice == "none") return r.tool_choice.mode = Mode::none, void();
  if (*choice == "required") return r.tool_choice.mode = Mode::required, void();
  if (!choice->is_object())
    return f.fail("tool_choice", "must be none, auto, required or an object naming a tool");
  Fields c(*choice, "tool_choice.");
  const std::string type = c.text("type").value_or("");
  if (type == "allowed_tools")
    read_allowed(c, r);
  else
    r.tool_choice = {Mode::named, named_tool(c, type)};
  if (c.fault()) f.fail(*c.fault());
}

}  // namespace

void read_responses_tools(Fields& f, Request& r) {
  read_list(f, f.array("tools"), {}, r);
  read_choice(f, r);
  r.parallel_calls = f.flag("parallel_tool_calls").value_or(true);
  check_tool_choice(f, r);
}

}  // namespace autark::api
