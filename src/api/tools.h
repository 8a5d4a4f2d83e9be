// Reads the tools of a request and which of them may be called, in the two wire forms:
//
//   OpenAI     tools        [{"type":"function","function":{"name","description","parameters"}}]
//              tool_choice  "none" | "auto" | "required" | {"type":"function","function":{"name"}}
//              parallel_tool_calls
//   Anthropic  tools        [{"name","description","input_schema"}]
//              tool_choice  {"type":"auto" | "any" | "tool" | "none", "name", "disable_parallel_tool_use"}
#pragma once
#include "api/fields.h"

namespace autark::api {

// Both set `tools`, `tool_choice` and `parallel_calls`. A choice that requires a tool the request does not
// have is a fault.
void read_openai_tools(Fields& f, Request& request);
void read_anthropic_tools(Fields& f, Request& request);

// The "name" of a tool. A fault if it is absent, empty, too long, or has characters that break markup.
std::string read_tool_name(Fields& f);
// Records a fault if tool_choice requires a call and there are no tools, or names a tool that is not there.
void check_tool_choice(Fields& f, const Request& request);

}  // namespace autark::api
