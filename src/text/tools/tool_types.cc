#include "text/tool_types.h"
#include <algorithm>

namespace autark::text {
namespace {

using Type = ToolTypes::Type;

Type type_of_name(const Json& name) {
  if (!name.is_string()) return Type::unknown;
  return name == "string" ? Type::text : Type::other;
}

// The type that all of a list's members have; unknown if they differ.
template <typename F>
Type common(const Json& list, F type_of) {
  if (!list.is_array() || list.empty()) return Type::unknown;
  const Type first = type_of(list.front());
  return std::ranges::all_of(list, [&](const Json& j) { return type_of(j) == first; }) ? first
                                                                                       : Type::unknown;
}

Type type_of(const Json& schema) {
  if (!schema.is_object()) return Type::unknown;
  if (const auto t = schema.find("type"); t != schema.end())
    return t->is_array() ? common(*t, type_of_name) : type_of_name(*t);
  if (const auto values = schema.find("enum"); values != schema.end())
    return common(*values, [](const Json& v) { return v.is_string() ? Type::text : Type::other; });
  return Type::unknown;
}

}  // namespace

void ToolTypes::add(const Json& function) {
  if (!function.is_object()) return;
  const auto name = function.find("name"), schema = function.find("parameters");
  if (name == function.end() || !name->is_string()) return;
  Arguments& arguments = tools_[name->get<std::string>()];
  if (schema == function.end() || !schema->is_object()) return;
  const auto properties = schema->find("properties");
  if (properties == schema->end() || !properties->is_object()) return;
  for (const auto& [key, one] : properties->items()) arguments[key] = type_of(one);
}

bool ToolTypes::begins(std::string_view prefix) const {
  const auto first = tools_.lower_bound(prefix);
  return first != tools_.end() && first->first.starts_with(prefix);
}

ToolTypes::Type ToolTypes::type(std::string_view tool, std::string_view argument) const {
  const auto found = tools_.find(tool);
  if (found == tools_.end()) return Type::unknown;
  const auto one = found->second.find(argument);
  return one == found->second.end() ? Type::unknown : one->second;
}

}  // namespace autark::text
