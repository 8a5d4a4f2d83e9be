// Faults in the words of each dialect.
//
//   OpenAI     {"error":{"message","type","param","code"}}
//   Anthropic  {"type":"error","error":{"type","message"},"request_id"}
#pragma once
#include "api/dialect.h"

namespace autark::api {

Json openai_error(const Fault& fault);
Json anthropic_error(const Fault& fault, std::string_view request_id);

// For errors of the HTTP layer, which knows only a status.
Fault fault_of_status(int status, std::string message);

Reply openai_reply(const Fault& fault);
Reply anthropic_reply(const Fault& fault, std::string_view request_id);

}  // namespace autark::api
