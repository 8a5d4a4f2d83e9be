#include "api/openai_responses_stream.h"
#include <algorithm>
#include "api/openai_responses_answer.h"
#include "api/openai_responses_input.h"

namespace autark::api {
namespace {

using Kind = Block::Kind;

// The names of the events and fields of one kind of text.
struct TextWords {
  const char *part_event, *text_event, *part_type, *index;
};
constexpr TextWords kContent{"content_part", "output_text", "output_text", "content_index"};
constexpr TextWords kReasoning{"content_part", "reasoning_text", "reasoning_text", "content_index"};
constexpr TextWords kSummary{"reasoning_summary_part", "reasoning_summary_text", "summary_text",
                             "summary_index"};

// The type of a stream's last event. There is none for a cancelled answer, which is not complete.
std::string last_event(const std::string& status) {
  return "response." + (status == "cancelled" ? "incomplete" : status);
}

// The log-probabilities of events have no bytes; those of items do.
Json without_bytes(Json tokens) {
  for (Json& token : tokens) {
    token.erase("bytes");
    for (Json& other : token["top_logprobs"]) other.erase("bytes");
  }
  return tokens;
}

class ResponsesStream final : public StreamEncoder {
 public:
  explicit ResponsesStream(const Envelope& e) : e_(e) {}

  // The blocks of the answer so far are kept as a whole body keeps them. An event that begins a new block
  // ends the last one.
  std::vector<Frame> encode(const Event& event, const Tally& so_far) override {
    std::vector<Frame> out;
    if (sequence_ == 0) begin(out);
    if (const auto* fault = std::get_if<ApiError>(&event.payload)) return failed(out, *fault, so_far), out;
    if (std::holds_alternative<Event::Started>(event.payload)) return out;
    const size_t before = choice_.blocks.size();
    choice_.add(event.payload);
    if (choice_.blocks.size() > before) {
      close(out);
      open(out);
    }
    add(out, event.payload);
    if (std::holds_alternative<Event::Finished>(event.payload)) end(out, so_far);
    return out;
  }

 private:
  void say(std::vector<Frame>& out, const std::string& type, Json fields) {
    Json data{{"type", type}, {"sequence_number", sequence_++}};
    data.update(fields);
    out.push_back({dump_json(data), type});
  }

  void begin(std::vector<Frame>& out) {
    const bool waits = e_.repeated.is_object() && e_.repeated.value("background", false);
    const Json first = response_json(e_, {.status = waits ? "queued" : "in_progress"}, nullptr, nullptr);
    say(out, "response.created", {{"response", first}});
    if (waits) say(out, "response.queued", {{"response", first}});
    say(out, "response.in_progress", {{"response", response_json(e_, {}, nullptr, nullptr)}});
  }

  const Block& block() const { return choice_.blocks.back(); }
  size_t index() const { return choice_.blocks.size() - 1; }
  const TextWords& words() const {
    if (block_kind_ == Kind::content) return kContent;
    return shows_summary(e_) ? kSummary : kReasoning;
  }
  // The fields that say where in the answer an event belongs.
  Json place() const {
    return {{"item_id", output_item_id(e_, choice_.blocks[at_], at_)}, {"output_index", at_}};
  }
  Json text_place() const {
    Json place = this->place();
    place[words().index] = 0;
    return place;
  }
  Json part(const std::string& text) const {
    if (block_kind_ == Kind::content) return text_part(text, logprobs_of(choice_, at_));
    return {{"type", words().part_type}, {"text", text}};
  }

  void open(std::vector<Frame>& out) {
    at_ = index();
    block_kind_ = block().kind;
    open_ = true;
    say(out, "response.output_item.added", {{"output_index", at_}, {"item", begun_item(e_, block(), at_)}});
    if (block_kind_ == Kind::call) return;
    Json fields = text_place();
    fields["part"] = block_kind_ == Kind::content ? text_part("", {}) : part("");
    say(out, std::string("response.") + words().part_event + ".added", std::move(fields));
  }

  void add(std::vector<Frame>& out, const Event::Payload& payload) {
    if (const auto* d = std::get_if<Event::Delta>(&payload)) {
      if (!d->prompt && !d->text.empty()) text(out, d->text, &d->logprobs);
    } else if (const auto* r = std::get_if<Event::Reasoned>(&payload)) {
      if (!r->text.empty()) text(out, r->text, nullptr);
    } else if (const auto* a = std::get_if<Event::CallArguments>(&payload)) {
      if (!custom() && !a->text.empty()) delta(out, "function_call_arguments", a->text);
    }
  }

  bool custom() const {
    const Tool* tool = called_tool(e_, choice_.blocks[at_].name);
    return tool && tool->custom;
  }

  void text(std::vector<Frame>& out, const std::string& text, const std::vector<TokenLogprob>* logprobs) {
    Json fields = text_place();
    fields["delta"] = text;
    if (logprobs) fields["logprobs"] = without_bytes(logprobs_json(*logprobs));
    say(out, std::string("response.") + words().text_event + ".delta", std::move(fields));
  }

  void delta(std::vector<Frame>& out, const std::string& kind, const std::string& text) {
    Json fields = place();
    fields["delta"] = text;
    say(out, "response." + kind + ".delta", std::move(fields));
  }

  // Ends the open item. A call that is not complete stays open. The end of a call comes with what follows it: some
  // clients run a call at its end, and ask again if the answer breaks later.
  void close(std::vector<Frame>& out) {
    if (!open_ || (block_kind_ == Kind::call && !choice_.blocks[at_].whole)) return;
    open_ = false;
    if (block_kind_ == Kind::call)
      close_call(out);
    else
      close_text(out);
    say(out, "response.output_item.done", {{"output_index", at_}, {"item", output_item(e_, choice_, at_)}});
  }

  void close_text(std::vector<Frame>& out) {
    const std::string& whole = choice_.blocks[at_].text;
    Json fields = text_place();
    fields["text"] = whole;
    if (block_kind_ == Kind::content)
      fields["logprobs"] = without_bytes(logprobs_json(logprobs_of(choice_, at_)));
    say(out, std::string("response.") + words().text_event + ".done", std::move(fields));
    fields = text_place();
    fields["part"] = part(whole);
    say(out, std::string("response.") + words().part_event + ".done", std::move(fields));
  }

  void close_call(std::vector<Frame>& out) {
    const Block& b = choice_.blocks[at_];
    const Json item = output_item(e_, choice_, at_);
    Json fields = place();
    if (custom()) {
      delta(out, "custom_tool_call_input", item["input"]);
      fields["input"] = item["input"];
      return say(out, "response.custom_tool_call_input.done", std::move(fields));
    }
    fields["arguments"] = b.text;
    say(out, "response.function_call_arguments.done", std::move(fields));
  }

  void end(std::vector<Frame>& out, const Tally& so_far) {
    close(out);
    const ResponseState state = response_state(choice_.finished);
    const Usage usage = so_far.total();
    say(out, last_event(state.status), {{"response", response_json(e_, state, &choice_, &usage)}});
  }

  // Clients expect response.created first, also if the answer failed while it waited.
  void failed(std::vector<Frame>& out, const ApiError& fault, const Tally& so_far) {
    if (sequence_ == 0) begin(out);
    const Usage usage = so_far.total();
    say(out, last_event("failed"),
        {{"response", response_json(e_, {.status = "failed", .fault = &fault}, &choice_, &usage)}});
  }

  const Envelope e_;
  Choice choice_;         // the answer so far
  int64_t sequence_ = 0;  // of the next event
  bool open_ = false;     // the item at `at_` has begun and not ended
  size_t at_ = 0;         // the position of the last item that began
  Kind block_kind_ = Kind::content;
};

Frame numbered(const std::string& type, int64_t number, const Json& response) {
  return {dump_json({{"type", type}, {"sequence_number", number}, {"response", response}}), type};
}

}  // namespace

std::unique_ptr<StreamEncoder> responses_stream(const Envelope& envelope) {
  return std::make_unique<ResponsesStream>(envelope);
}

std::vector<Frame> stream_of_kept(const Json& response, int64_t after) {
  std::vector<Frame> out;
  const std::string status = response.value("status", Json("completed"));
  if (after < 0) {
    Json first = response;
    first["status"] = "in_progress";
    first["output"] = Json::array();
    for (const char* later : {"usage", "error", "incomplete_details"}) first[later] = nullptr;
    out.push_back(numbered("response.created", 0, first));
  }
  out.push_back(numbered(last_event(status), std::max<int64_t>(after, 0) + 1, response));
  return out;
}

}  // namespace autark::api
