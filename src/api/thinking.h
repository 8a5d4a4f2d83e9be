// Whether a model shall think before it answers, and how hard.
//
//   OpenAI     "reasoning_effort"; "thinking" {"type"} as DeepSeek has it; "enable_thinking" as Bailian has
//   it Anthropic  "thinking" {"type": "enabled" | "disabled" | "adaptive", "budget_tokens"},
//   output_config.effort
#pragma once
#include "api/fields.h"

namespace autark::api {

bool is_effort(std::string_view name);  // "none", or one of
std::vector<std::string> efforts();     // "minimal", "low", "medium", "high", "xhigh", "max"

// An effort other than "none" asks for thinking where nothing else is said.
void read_openai_thinking(Fields& f, Request& request);
// An effort says nothing about thinking: clients send it with every request.
void read_anthropic_thinking(Fields& f, Request& request);

}  // namespace autark::api
