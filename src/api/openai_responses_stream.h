// The stream of /v1/responses. Every event has its type as event name and a sequence number from 0:
//
//   response.created, response.queued (background only), response.in_progress
//   per output item   response.output_item.added … response.output_item.done
//     message         content_part.added, output_text.delta…, output_text.done, content_part.done
//     reasoning       the same with reasoning_text, or, if the request asks for a summary,
//                     reasoning_summary_part.added, reasoning_summary_text.delta…, .done, …_part.done
//     function call   function_call_arguments.delta…, .done
//     custom call     custom_tool_call_input.delta, .done, when the call is complete
//   response.completed | .incomplete (also of a cancelled one) | .failed, with the whole response; no [DONE]
//
// A call that was cut has no output_item.done, so that no client runs it.
#pragma once
#include "api/dialect.h"

namespace autark::api {

std::unique_ptr<StreamEncoder> responses_stream(const Envelope& envelope);

// A stream of a kept response object whose events are no longer there: its last event, and response.created
// before it unless the client has seen events up to the number `after` (−1: none).
std::vector<Frame> stream_of_kept(const Json& response, int64_t after);

}  // namespace autark::api
