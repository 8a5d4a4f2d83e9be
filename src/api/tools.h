// Reads the tools of a request and which of them may be called, in the two wire forms:
//
//   OpenAI     tools        [{"type":"function","function":{"name","description","parameters"}}]
//                           [{"type":"custom","custom":{"name","description"}}]: the input is text
//              tool_choice  "none" | "auto" | "required" | {"type":"function","function":{"name"}} |
//                           {"type":"allowed_tools","allowed_tools":{"mode","tools"}}
//              parallel_tool_calls
//              functions, function_call: the older form of both
//   Anthropic  tools        [{"name","description","input_schema"}], or a type of client_tools.h
//              tool_choice  {"type":"auto" | "any" | "tool" | "none", "name", "disable_parallel_tool_use"}
#pragma once
#include "api/fields.h"

namespace autark::api {

// Both set `tools`, `tool_choice` and `parallel_calls`. Tools of an unknown type are left out and counted. A
// choice that requires a tool the request does not have is a fault.
void read_openai_tools(Fields& f, Request& request);
// Reads `functions` and `function_call` into the same fields. REQUIRES: read_openai_tools() was called.
void read_openai_functions(Fields& f, Request& request);
void read_anthropic_tools(Fields& f, Request& request);

// The "name" of a tool. A fault if it is absent, empty, too long, or has characters that break markup.
std::string read_tool_name(Fields& f);
// Records a fault if tool_choice requires a call and there are no tools, or names a tool that is not there.
void check_tool_choice(Fields& f, const Request& request);

}  // namespace autark::api
