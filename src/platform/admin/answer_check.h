// For tests: whether a value is what a JSON Schema of /admin/openapi.json describes. Knows the keywords that stand there.
#pragma once
#include <algorithm>
#include <string>
#include "base/json.h"

namespace autark::platform::admin {

class AnswerCheck {
 public:
  explicit AnswerCheck(const Json& document) : document_(document) {}

  // What is wrong, with its place; empty if nothing is.
  std::string fault(const Json& value, const Json& schema, const std::string& path = "$") const {
    if (schema.contains("$ref"))
      return fault(value, document_.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1))),
                   path);
    if (schema.contains("anyOf")) {
      for (const Json& one : schema["anyOf"])
        if (fault(value, one, path).empty()) return {};
      return path + " is none of several: " + dump_json(value);
    }
    if (schema.contains("type") && !has_type(value, schema["type"]))
      return path + " is no " + dump_json(schema["type"]) + ": " + dump_json(value);
    if (schema.contains("enum") &&
        std::ranges::find(schema["enum"].begin(), schema["enum"].end(), value) == schema["enum"].end())
      return path + " is not in the list: " + dump_json(value);
    return value.is_array() ? elements(value, schema, path) : members(value, schema, path);
  }

 private:
  static bool has_type(const Json& value, const Json& type) {
    if (type == "integer") return value.is_number_integer();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "array") return value.is_array();
    return type == "null" ? value.is_null() : value.is_object();
  }
  std::string elements(const Json& value, const Json& schema, const std::string& path) const {
    for (size_t i = 0; i < value.size() && schema.contains("items"); ++i) {
      const std::string wrong = fault(value[i], schema["items"], path + "[" + std::to_string(i) + "]");
      if (!wrong.empty()) return wrong;
    }
    return {};
  }
  std::string members(const Json& value, const Json& schema, const std::string& path) const {
    if (!value.is_object() || !schema.contains("properties")) return {};
    for (const Json& name : schema["required"])
      if (!value.contains(name.get<std::string>())) return path + " lacks " + name.get<std::string>();
    for (const auto& [name, member] : value.items()) {
      const bool known = schema["properties"].contains(name);
      if (!known && schema.value("additionalProperties", true) == false) return path + " has " + name;
      if (!known) continue;
      const std::string wrong = fault(member, schema["properties"][name], path + "." + name);
      if (!wrong.empty()) return wrong;
    }
    return {};
  }

  const Json& document_;
};

}  // namespace autark::platform::admin
