#include "api/testing.h"
#include <algorithm>
#include <memory>
#include <utility>
#include <variant>

namespace autark::api {

Json json_of(std::string_view text) {
  auto j = parse_json(text, "test");
  EXPECT_TRUE(j) << (j ? "" : j.error().message) << "\n" << text;
  return j ? std::move(j).value() : Json();
}

Request decoded(const ApiResult<Request>& o) {
  if (const auto* f = std::get_if<ApiError>(&o)) {
    ADD_FAILURE() << "refused: " << f->message;
    return {};
  }
  return std::get<Request>(o);
}

ApiError fault_of(const ApiResult<Request>& o) {
  if (const auto* f = std::get_if<ApiError>(&o)) return *f;
  ADD_FAILURE() << "accepted";
  return {};
}

std::vector<Frame> all_frames(const Dialect& d, const Envelope& e, const std::vector<Event>& events) {
  std::vector<Frame> out;
  auto encoder = d.stream(e);
  Tally tally(e.choices, e.n);
  for (const Event& event : events) {
    tally.add(event);
    for (Frame& f : encoder->encode(event, tally)) out.push_back(std::move(f));
  }
  return out;
}

std::string played(const Dialect& d, const Envelope& e, const std::vector<Event>& events) {
  std::string out;
  for (const Frame& f : all_frames(d, e, events))
    out += (f.event.empty() ? "" : "event: " + f.event + "\n") + "data: " + f.data + "\n\n";
  return out;
}

Json whole(const Dialect& d, const Envelope& e, const std::vector<Event>& events) {
  Answer a(e.choices);
  Tally tally(e.choices, e.n);
  for (const Event& event : events) {
    tally.add(event);
    a.add(event);
  }
  return d.body(e, a, tally);
}

std::vector<Json> frames(const Dialect& d, const Envelope& e, const std::vector<Event>& events) {
  std::vector<Json> out;
  for (const Frame& f : all_frames(d, e, events))
    if (f.data != "[DONE]") out.push_back(json_of(f.data));
  return out;
}

Event started(int choice, int64_t prompt) {
  return {choice, Event::Started{prompt}, {prompt, 0, 0}};
}
Event delta(int choice, std::string text, int64_t prompt, int64_t completion) {
  return {choice, Event::Delta{std::move(text), {}, false}, {prompt, 0, completion}};
}
Event finished(int choice, Finish why, int64_t prompt, int64_t completion, std::string stop) {
  return {choice, Event::Finished{why, std::move(stop)}, {prompt, 0, completion}};
}
Event event(Event::Payload payload, int64_t completion) {
  return {0, std::move(payload), {3, 0, completion}};
}

std::vector<Event> thought_and_called() {
  std::vector<Event> all{started(0, 3),
                         event(Event::Reasoned{"Hm"}, 1),
                         event(Event::Reasoned{"m."}, 2),
                         event(Event::Delta{"Look:"}, 3),
                         event(Event::CallBegun{0, "a", "f"}, 4),
                         event(Event::CallArguments{0, "{\"x\":"}, 5),
                         event(Event::CallArguments{0, " 1}"}, 6),
                         event(Event::CallEnded{0}, 7),
                         event(Event::CallBegun{1, "b", "g"}, 8),
                         event(Event::CallArguments{1, "{}"}, 8),
                         event(Event::CallEnded{1}, 8),
                         finished(0, Finish::tool_calls, 3, 9)};
  for (Event& e : all) e.usage.reasoning_tokens = std::min<int64_t>(2, e.usage.completion_tokens);
  return all;
}

std::vector<Event> cut_call(const std::string& arguments, Finish why) {
  return {started(0, 3), event(Event::CallBegun{0, "a", "f"}), event(Event::CallArguments{0, arguments}),
          finished(0, why, 3, 1)};
}

Envelope envelope() {
  return {.id = "1", .created = 7, .model = "m", .fingerprint = "fp"};
}

}  // namespace autark::api
