// Encodes faults as the error bodies and statuses of each dialect.
//
//   OpenAI     {"error":{"message","type","param","code"}}
//   Anthropic  {"type":"error","error":{"type","message"},"request_id"}
#pragma once
#include "api/dialect.h"

namespace autark::api {

// The code of a fault about a part of a message that is not text. The server adds the model's name to its message.
inline constexpr const char* kNotText = "unsupported_content";
// The fault of the part at this place.
ApiError not_text(const std::string& path, const std::string& type);

// The error object alone, as it stands in a body or in a stream.
Json openai_error(const ApiError& fault);
Json anthropic_error(const ApiError& fault, std::string_view request_id);

// A fault for an error of the HTTP layer, which knows only the status.
ApiError fault_of_status(int status, std::string message);

// The whole response: status, headers (content-type, retry-after …) and body.
Reply openai_reply(const ApiError& fault);
Reply anthropic_reply(const ApiError& fault, std::string_view request_id);

}  // namespace autark::api
