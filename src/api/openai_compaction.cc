// POST /v1/responses/compact: the model sums up a conversation. The answer is a shorter one for the next
// request: the user's messages as they are, and one item with the summary, encrypted for the client.
//
//   {"object":"response.compaction","output":[{"type":"message","role":"user",…}…,
//                                             {"type":"compaction","encrypted_content"}],"usage"}
#include "api/dialect.h"
#include "api/openai_responses_answer.h"
#include "api/openai_responses_input.h"

namespace autark::api {
namespace {

constexpr const char* kAsk =
    "Sum up our conversation so far, so that you can go on with nothing but your summary and my own "
    "messages. "
    "State the task, what was decided and done, results that are still needed, names and values word for "
    "word, "
    "and what comes next. Write the summary only.";

bool is_users(const Json& item) {
  return item.is_object() && item.value("role", Json()) == "user" &&
         item.value("type", Json("message")) == "message";
}

// The form of an output item: content as a list.
Json as_output(Json message, size_t index, const Envelope& e) {
  message["type"] = "message";
  message["status"] = "completed";
  if (!message.contains("id")) message["id"] = "msg_" + e.id + "_" + std::to_string(index);
  if (message["content"].is_string())
    message["content"] = Json::array({Json{{"type", "input_text"}, {"text", message["content"]}}});
  return message;
}

// Also those of the conversation that previous_response_id continues.
Json users_messages(const Json& body) {
  Json kept = Json::array();
  for (const char* field : {kPreviousItems, "input"}) {
    const auto items = body.find(field);
    if (items == body.end() || !items->is_array()) continue;
    for (const Json& item : *items)
      if (is_users(item)) kept.push_back(item);
  }
  return kept;
}

// The summary is free text, and nobody waits for parts of it.
void free_the_form(Request& r) {
  r.tools.clear();
  r.tool_choice = {};
  r.structure.reset();
  r.stop.clear();
  r.stop_tokens.clear();
  r.logprobs = -1;
  r.stream = r.store = r.background = false;
}

class OpenAiCompaction final : public Dialect {
 public:
  ApiResult<Request> decode(const Json& body) const override {
    auto decoded = openai_responses().decode(body);
    auto* r = std::get_if<Request>(&decoded);
    if (!r) return decoded;
    r->repeated = Json{{"kept", users_messages(body)}};
    r->items.push_back({Role::user, {Text{kAsk}}});
    free_the_form(*r);
    r->seals_reasoning = true;
    return decoded;
  }

  std::unique_ptr<StreamEncoder> stream(const Envelope& e) const override {
    return openai_responses().stream(e);
  }

  Json body(const Envelope& e, const Answer& answer, const Tally& tally) const override {
    const std::string summary = answer.choices.at(0).joined(Block::Kind::content);
    Json output = Json::array();
    for (const Json& message : e.repeated["kept"]) output.push_back(as_output(message, output.size(), e));
    output.push_back({{"id", "cmp_" + e.id + "_0"},
                      {"type", "compaction"},
                      {"encrypted_content", e.seal ? e.seal(summary) : std::string()}});
    return Json{{"id", response_id(e)},
                {"object", "response.compaction"},
                {"created_at", e.created},
                {"output", std::move(output)},
                {"usage", responses_usage(tally.total())}};
  }

  Reply error(const ApiError& fault, std::string_view request_id) const override {
    return openai_responses().error(fault, request_id);
  }
  std::string_view request_id_header() const override { return openai_responses().request_id_header(); }
};

}  // namespace

const Dialect& openai_compaction() {
  static const OpenAiCompaction dialect;
  return dialect;
}

}  // namespace autark::api
