// The response object of /v1/responses and its output items. A stream and a whole body are made of the same
// functions, so that both say the same.
//
// The block at position i of the answer is the output item with the id PREFIX + RESPONSE ID + "_" + i.
#pragma once
#include "api/dialect.h"

namespace autark::api {

// What the status of a response or an item is: in_progress, completed, incomplete, failed, cancelled.
struct ResponseState {
  const char* status = "in_progress";
  const char* reason = nullptr;     // why it is incomplete
  const ApiError* fault = nullptr;  // why it failed
};
ResponseState response_state(const Event::Finished& finished);

// The id of a response: "resp_…".
std::string response_id(const Envelope& e);
// The id of the output item at position `index`.
std::string output_item_id(const Envelope& e, const Block& block, size_t index);
// The request's tool that a call names; nullptr if there is none.
const Tool* called_tool(const Envelope& e, const std::string& name);
// Whether the reasoning is shown as a summary, because the request asks for one.
bool shows_summary(const Envelope& e);

// A text part of a message.
Json text_part(std::string text, const std::vector<TokenLogprob>& logprobs);
Json logprobs_json(const std::vector<TokenLogprob>& tokens);
// The log-probabilities of the tokens of the content block at position `index`.
std::vector<TokenLogprob> logprobs_of(const Choice& choice, size_t index);

// The output item at position `index`. An item that is just beginning has no content and no arguments.
Json begun_item(const Envelope& e, const Block& block, size_t index);
Json output_item(const Envelope& e, const Choice& choice, size_t index);

// The "usage" object.
Json responses_usage(const Usage& usage);
// The response object. Without `choice` the output is empty; `usage` is null without it, and in an answer that
// failed before any token was spent.
Json response_json(const Envelope& e, const ResponseState& state, const Choice* choice, const Usage* usage);

}  // namespace autark::api
