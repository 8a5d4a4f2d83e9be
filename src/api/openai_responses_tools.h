// Reads the tools of POST /v1/responses and which of them may be called:
//
//   tools        {"type":"function","name","description","parameters","strict"}
//                {"type":"custom","name","description","format"}       the call's input is text
//                {"type":"namespace","name","description","tools":[…]} flattened: NAMESPACE__TOOL
//   tool_choice  "none" | "auto" | "required" | {"type":"function" | "custom","name","namespace"}
//                {"type":"allowed_tools","mode":"auto" | "required","tools":[{"type","name"}]}
//
// Tools of other types, which a server would run itself, are left out and counted as ignored fields. A
// tool_choice that forces one of them is a fault.
#pragma once
#include "api/fields.h"

namespace autark::api {

void read_responses_tools(Fields& f, Request& request);

}  // namespace autark::api
