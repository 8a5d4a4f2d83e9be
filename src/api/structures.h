// Reads what a request asks of the form of its answer, in each dialect's fields, into Request::structure.
#pragma once
#include "api/fields.h"

namespace autark::api {

// OpenAI's `response_format`; vLLM's `structured_outputs` and `guided_json`, `guided_regex`, `guided_choice`,
// `guided_grammar`. More than one of them is a fault.
void read_openai_structure(Fields& f, Request& r);
// vLLM's fields alone.
void read_vllm_structure(Fields& f, Request& r);
// `format` of Messages' `output_config`; `o` reads that object.
void read_anthropic_structure(Fields& o, Request& r);
// A {"type", …} object with `json_object` or `json_schema` (`schema` beside `type`, as in `text.format` and
// `output_config.format`). Empty for {"type": "text"} and after a fault, which `f` gets.
std::optional<Structure> flat_format(Fields& f, std::string_view name);

}  // namespace autark::api
