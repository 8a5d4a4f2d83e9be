// Reads the fields that say whether a model should think before it answers, and how much.
//
//   OpenAI     "reasoning_effort"; "thinking": {"type"} (DeepSeek's form); "enable_thinking" (Bailian's form)
//   Anthropic  "thinking": {"type": "enabled" | "disabled" | "adaptive", "budget_tokens"};
//              "output_config": {"effort"}
#pragma once
#include "api/fields.h"

namespace autark::api {

// The effort in the field `name`: "none" or one of efforts(); "ultra", a name of DeepSeek's platform, is "max".
std::optional<std::string> effort_in(Fields& f, std::string_view name);
// The known efforts in rising order: "minimal", "low", "medium", "high", "xhigh", "max".
std::vector<std::string> efforts();

// Sets `thinking`, `thinking_budget` and `effort`. An effort other than "none" turns thinking on, unless the
// request turns it off.
void read_openai_thinking(Fields& f, Request& request);
// The same for Messages. An effort does not turn thinking on here, because clients send one with
// every request.
void read_anthropic_thinking(Fields& f, Request& request);

}  // namespace autark::api
