// POST /v1/responses: a list of items in, a list of items out. This file reads the fields of a request that
// are not items or tools; openai_responses_input, _tools, _answer and _stream have the rest.
#include "api/dialect.h"
#include "api/faults.h"
#include "api/openai_fields.h"
#include "api/openai_responses_answer.h"
#include "api/openai_responses_input.h"
#include "api/openai_responses_stream.h"
#include "api/openai_responses_tools.h"
#include "api/structures.h"
#include "api/thinking.h"
#include "api/unbuilt.h"

namespace autark::api {
namespace {

// The fields that an answer repeats, with their values if the request leaves them out. Their types are
// checked by the readers below.
Json repeated_fields(const Json& body) {
  static const Json kDefaults{{"background", false},
                              {"instructions", nullptr},
                              {"max_output_tokens", nullptr},
                              {"max_tool_calls", nullptr},
                              {"metadata", Json::object()},
                              {"parallel_tool_calls", true},
                              {"previous_response_id", nullptr},
                              {"prompt_cache_key", nullptr},
                              {"safety_identifier", nullptr},
                              {"temperature", 1.0},
                              {"tool_choice", "auto"},
                              {"tools", Json::array()},
                              {"top_logprobs", 0},
                              {"top_p", 1.0},
                              {"truncation", "disabled"},
                              {"user", nullptr}};
  Json echo = Json::object();
  for (const auto& [name, usual] : kDefaults.items()) {
    const auto given = body.find(name);
    echo[name] = given == body.end() || given->is_null() ? usual : *given;
  }
  const Json tier = body.value("service_tier", Json());
  echo["service_tier"] = tier == "priority" || tier == "flex" ? tier : Json("default");
  return echo;
}

// Functions are repeated with all fields that the official clients require.
void complete_tools(Json& tools) {
  for (Json& t : tools)
    if (t.is_object() && t.value("type", Json()) == "function")
      for (const char* name : {"description", "parameters", "strict"})
        if (!t.contains(name)) t[name] = nullptr;
}

// {"effort", "summary"}: an effort other than "none" turns thinking on.
void read_reasoning(Fields& f, Request& r) {
  Json echo{{"effort", nullptr}, {"summary", nullptr}};
  if (const Json* reasoning = f.object("reasoning")) {
    Fields o(*reasoning, "reasoning.");
    const auto effort = effort_in(o, "effort");
    auto summary = o.text("summary");
    if (!summary) summary = o.text("generate_summary");
    if (summary && *summary != "auto" && *summary != "concise" && *summary != "detailed")
      o.fail("summary", "must be auto, concise or detailed");
    o.accept({"context", "mode"});
    if (o.fault()) return f.fail(*o.fault());
    for (std::string& name : o.unknown()) r.ignored.push_back(std::move(name));
    if (effort) r.thinking = *effort != "none";
    if (effort && *effort != "none") r.effort = *effort;
    if (effort) echo["effort"] = *effort;
    if (summary) echo["summary"] = *summary;
  }
  r.repeated["reasoning"] = std::move(echo);
}

void read_text(Fields& f, Request& r) {
  Json echo{{"format", {{"type", "text"}}}, {"verbosity", "medium"}};
  if (const Json* text = f.object("text")) {
    Fields o(*text, "text.");
    const Json* format = o.object("format");
    r.structure = flat_format(o, "format");
    if (format) echo["format"] = *format;
    if (const auto verbosity = o.text("verbosity")) echo["verbosity"] = *verbosity;
    if (o.fault()) return f.fail(*o.fault());
    for (std::string& name : o.unknown()) r.ignored.push_back(std::move(name));
  }
  r.repeated["text"] = std::move(echo);
}

// Log-probabilities are sent if `include` asks for them or if there are alternatives to send.
void read_include(Fields& f, Request& r) {
  const auto top = f.integer("top_logprobs", 0, kTopLogprobsMax);
  if (top.value_or(0) > 0) r.logprobs = int(*top);
  const Json* include = f.array("include");
  for (size_t i = 0; include && i < include->size() && !f.fault(); ++i) {
    const Json& what = (*include)[i];
    if (!what.is_string()) f.fail("include", "must be a list of strings");
    if (what == "message.output_text.logprobs") r.logprobs = int(top.value_or(0));
    if (what == "reasoning.encrypted_content") r.seals_reasoning = true;
  }
}

// Fields that the server uses, and fields whose types only are checked.
void read_the_rest(Fields& f, Request& r) {
  f.text("previous_response_id");
  r.store = f.flag("store").value_or(true);
  r.background = f.flag("background").value_or(false);
  if (r.background && !r.store) f.fail("background", "needs store to be true");
  f.integer("max_tool_calls", 1, kTokensMax);
  const auto truncation = f.text("truncation");
  if (truncation && *truncation != "auto" && *truncation != "disabled")
    f.fail("truncation", "must be auto or disabled");
  if (truncation == "auto") r.ignored.push_back("truncation");
  f.accept({"client_metadata", "prompt_cache_options"});
  f.refuse("conversation", is_empty_or_false);
  f.refuse("prompt", is_empty_or_false);
  f.refuse("context_management", is_empty_or_false);
}

class OpenAiResponses final : public Dialect {
 public:
  ApiResult<Request> decode(const Json& body) const override {
    Request r;
    Fields f(body);
    if (f.fault()) return *f.fault();
    r.repeated = repeated_fields(body);
    read_openai_common(f, r);
    if (r.n != 1) f.fail("n", "must be 1");
    refuse_best_of(f, r);
    read_limit(f, "max_output_tokens", 1, r.max_tokens);
    read_include(f, r);
    read_responses_tools(f, r);
    read_reasoning(f, r);
    read_text(f, r);
    read_openai_metadata(f, r);
    read_the_rest(f, r);
    read_responses_input(f, r);
    if (f.fault()) return *f.fault();
    complete_tools(r.repeated["tools"]);
    for (std::string& name : f.unknown()) r.ignored.push_back(std::move(name));
    return r;
  }

  std::unique_ptr<StreamEncoder> stream(const Envelope& e) const override { return responses_stream(e); }

  Json body(const Envelope& e, const Answer& answer, const Tally& tally) const override {
    const Choice& choice = answer.choices.at(0);
    const Usage usage = tally.total();
    if (answer.fault) return response_json(e, {.status = "failed", .fault = &*answer.fault}, &choice, &usage);
    return response_json(e, response_state(choice.finished), &choice, &usage);
  }

  Reply error(const ApiError& fault, std::string_view) const override {
    if (fault.param != "messages") return openai_reply(fault);
    ApiError own = fault;
    own.param = "input";  // which holds the messages here
    return openai_reply(own);
  }
  std::string_view request_id_header() const override { return "x-request-id"; }
};

}  // namespace

const Dialect& openai_responses() {
  static const OpenAiResponses dialect;
  return dialect;
}

}  // namespace autark::api
