// What the schemas of a request's tools say about the types of arguments, for dialects that write strings without
// quotes. Immutable once built; thread-safe.
#pragma once
#include <map>
#include <string>
#include <string_view>
#include "base/json.h"

namespace autark::text {

class ToolTypes {
 public:
  enum class Type {
    unknown,  // the schema does not say, or allows strings and others
    text,     // always a string
    other     // never a string
  };
  // Adds a tool: {"name", "parameters": a JSON schema}. Anything else is ignored.
  void add(const Json& function);
  bool empty() const { return tools_.empty(); }
  bool knows(std::string_view tool) const { return tools_.contains(tool); }
  // True if the name of a tool begins with `prefix`.
  bool begins(std::string_view prefix) const;
  Type type(std::string_view tool, std::string_view argument) const;

 private:
  using Arguments = std::map<std::string, Type, std::less<>>;
  std::map<std::string, Arguments, std::less<>> tools_;
};

}  // namespace autark::text
