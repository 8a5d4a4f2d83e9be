// Helpers for tests of dialects: they decode a body written as text and pass events through an encoder.
#pragma once
#include <gtest/gtest.h>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>
#include "api/dialect.h"
#include "base/json.h"

namespace autark::api {

Json json_of(std::string_view text);
Request decoded(const ApiResult<Request>& o);
ApiError fault_of(const ApiResult<Request>& o);

// The frames of all events, in order.
std::vector<Frame> all_frames(const Dialect& d, const Envelope& e, const std::vector<Event>& events);

// The stream as a client reads it: "event: x\n" if the frame has an event, then "data: …\n\n".
std::string played(const Dialect& d, const Envelope& e, const std::vector<Event>& events);

Json whole(const Dialect& d, const Envelope& e, const std::vector<Event>& events);

// The data of every frame except [DONE], parsed.
std::vector<Json> frames(const Dialect& d, const Envelope& e, const std::vector<Event>& events);

Event started(int choice, int64_t prompt);
Event delta(int choice, std::string text, int64_t prompt, int64_t completion);
Event finished(int choice, Finish why, int64_t prompt, int64_t completion, std::string stop = {});
Event event(Event::Payload payload, int64_t completion = 1);
// An answer with reasoning, text and two calls, each split into several events.
std::vector<Event> thought_and_called();
// An answer that ends within the arguments of a call.
std::vector<Event> cut_call(const std::string& arguments, Finish why);
Envelope envelope();

}  // namespace autark::api
