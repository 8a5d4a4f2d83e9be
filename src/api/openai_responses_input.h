// Reads the `input` of POST /v1/responses into the turns of a conversation. Neighbouring messages, calls and
// reasoning of the assistant are one turn; every other item is a turn of its own.
//
//   message               role, content: a string, or parts input_text | output_text | refusal
//   function_call         call_id, name, arguments, namespace      ─ output: function_call_output
//   custom_tool_call      call_id, name, input (text)              ─ output: custom_tool_call_output
//   reasoning             content[] of reasoning_text, or summary[] of summary_text
//
// An item of another type becomes one line of text in its place and is counted as an ignored field, so that
// no history is refused for what it contains.
#pragma once
#include "api/fields.h"

namespace autark::api {

// The field for the items of the conversation that previous_response_id continues. The server puts it into
// the body; what a client sends under this name is removed. Their place is "previous_response_id".
inline constexpr const char* kPreviousItems = "previous_items";

// Reads `instructions`, the items before, and `input` into `request.items`. An input that is missing, with no
// items before, is a fault.
void read_responses_input(Fields& f, Request& request);

// The name under which the model knows a tool of a namespace: "SPACE__NAME"; NAME if there is no namespace.
std::string flat_tool_name(const std::string& space, const std::string& name);

// The arguments of a custom tool's call, from its text: {"input": "…"}.
std::string custom_arguments(const std::string& input);
// The text of a custom tool's call. Arguments in another form are returned as they are.
std::string custom_input(const std::string& arguments);

}  // namespace autark::api
