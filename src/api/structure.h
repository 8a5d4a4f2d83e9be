// What a request asks of the form of an answer. A dialect decodes it; a backend compiles and enforces it.
#pragma once
#include <cstdint>
#include <string>
#include <vector>
#include "base/json.h"

namespace autark::api {

// The form that the content of an answer must have. It begins after the reasoning. Plain values.
struct Structure {
  enum class Kind : uint8_t { json_object, json_schema, regex, choice, grammar } kind = Kind::json_object;
  std::string name = {};                  // json_schema: the client's name for it; may be empty
  Json schema;                            // json_schema: an object or a boolean, keys in the client's order
  std::string text = {};                  // regex: the pattern of the whole content; grammar: its Lark text
  std::vector<std::string> choices = {};  // choice: the contents to choose from; at least one
  bool strict = false;     // the client asked for `strict`; the schema is enforced with and without it
  std::string param = {};  // the field that held it, for errors: "response_format" …
};

}  // namespace autark::api
