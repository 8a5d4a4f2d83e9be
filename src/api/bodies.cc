#include "api/bodies.h"
#include "api/dialect.h"
#include "api/field_log.h"
#include "api/openai_responses_input.h"
#include "base/check.h"

namespace autark::api {
namespace {

constexpr const char* kChat[] = {
    R"({"messages":[{"role":"user","content":"Hi"}],"max_tokens":4})",
    R"({"messages":[{"role":"system","content":[{"type":"text","text":"Be short."}]},{"role":"user","content":"Hi"}],
        "temperature":0,"logit_bias":{},"stop":["x"],"stream":true,"stream_options":{"include_usage":true},"metadata":{},
        "stop_token_ids":[7],"max_tokens":4,
        "tools":[{"type":"function","function":{"name":"f","description":"","parameters":{},"strict":false}},
       {"type":"custom","custom":{"name":"c","description":"","format":{"type":"grammar","grammar":
         {"syntax":"regex","definition":"a+"}}}}],
       "tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":
         [{"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"c"}}]}},
       "thinking":{"type":"disabled"},"chat_template_kwargs":{}})",
    R"({"messages":[{"role":"user","content":"Hi"},{"role":"assistant","reasoning_content":"","tool_calls":
         [{"id":"1","type":"function","function":{"name":"f","arguments":"{}"}},
          {"id":"2","type":"custom","custom":{"name":"c","input":""}}]},
         {"role":"tool","tool_call_id":"1","content":"ok"},{"role":"tool","tool_call_id":"2","content":"ok"},
         {"role":"assistant","content":[{"type":"refusal","refusal":"no"}],"function_call":{"name":"f","arguments":"{}"}},
         {"role":"function","name":"f","content":"ok"}],
        "functions":[{"name":"f","description":"","parameters":{}}],"function_call":{"name":"f"},"max_tokens":4})",
    R"({"messages":[{"role":"user","content":"Hi"}],"max_tokens":4,
        "response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"integer"}}}})",
    R"({"messages":[{"role":"user","content":"Hi"}],"max_tokens":4,"structured_outputs":{"regex":"a+"}})"};

constexpr const char* kCompletion[] = {
    R"({"prompt":"Hi","max_tokens":4})",
    R"({"prompt":["Hi"],"temperature":0,"logit_bias":{},"stop":["x"],"stream":true,"stream_options":{"include_usage":true},"metadata":{},
        "stop_token_ids":[7],"max_tokens":4,
        "response_format":{"type":"json_object"}})",
    R"({"prompt":[1,2],"max_tokens":4,
        "response_format":{"type":"json_schema","json_schema":{"name":"n","strict":true,"schema":{"type":"integer"}}}})",
    R"({"prompt":"Hi","max_tokens":4,"structured_outputs":{"choice":["a","b"]}})"};

constexpr const char* kMessages[] = {
    R"({"max_tokens":4,"messages":[{"role":"user","content":"Hi"}]})",
    R"({"max_tokens":4,"system":[{"type":"text","text":"Be short."}],"stream":true,"stop_sequences":["x"],
        "messages":[{"role":"user","content":[{"type":"text","text":"Hi"}]}],"metadata":{"user_id":"u"},
        "tools":[{"name":"f","description":"","input_schema":{}},{"type":"bash_20250124","name":"bash"}],
        "tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true},"thinking":{"type":"disabled"}})",
    R"({"max_tokens":4,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":
         [{"type":"thinking","thinking":"Hm","signature":""},{"type":"tool_use","id":"1","name":"f","input":{}},
          {"type":"tool_use","id":"2","name":"f","input":{}}]},
         {"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":[{"type":"text","text":"ok"}]},
                                   {"type":"tool_result","tool_use_id":"2","content":"ok","is_error":true}]}]})",
    R"({"max_tokens":4,"messages":[{"role":"user","content":"Hi"}],
        "output_config":{"effort":"low","format":{"type":"json_schema","schema":{"type":"integer"}}}})",
    R"({"max_tokens":4,"messages":[{"role":"user","content":"Hi"}],
        "output_format":{"type":"json_schema","schema":{"type":"integer"}}})"};

constexpr const char* kResponses[] = {
    R"({"input":"Hi","max_output_tokens":4})",
    R"({"instructions":"Be short.","input":[{"role":"user","content":[{"type":"input_text","text":"Hi"}]}],
        "max_output_tokens":4,"stream":true,"stream_options":{},"metadata":{},"include":["reasoning.encrypted_content"],
        "reasoning":{"effort":"low","summary":"auto"},"store":false,
        "tools":[{"type":"function","name":"f","description":"","parameters":{},"strict":false},
         {"type":"custom","name":"c","description":"","format":{"type":"grammar","syntax":"regex","definition":"a+"}},
         {"type":"namespace","name":"s","tools":[{"type":"function","name":"f"}]}],
        "tool_choice":{"type":"allowed_tools","mode":"auto","tools":[{"type":"function","name":"f"}]}})",
    R"({"input":[{"type":"message","role":"user","content":"Hi"},{"type":"reasoning","content":[],"summary":[]},
         {"type":"function_call","call_id":"1","name":"f","namespace":"","arguments":"{}"},
         {"type":"custom_tool_call","call_id":"2","name":"c","input":""},
         {"type":"function_call_output","call_id":"1","output":"ok"},
         {"type":"custom_tool_call_output","call_id":"2","output":[{"type":"input_text","text":"ok"}]},
         {"type":"web_search_call","id":"3"}],"max_output_tokens":4})",
    R"({"input":"Hi","max_output_tokens":4,
        "text":{"verbosity":"low","format":{"type":"json_schema","name":"n","schema":{"type":"integer"}}}})"};

Body body(const char* name, std::function<ApiResult<Request>(const Json&)> decode,
          std::span<const char* const> texts) {
  Body made{name, std::move(decode), {}};
  for (const char* text : texts) {
    auto parsed = parse_json(text, name);
    AUTARK_CHECK(parsed);
    made.examples.push_back(std::move(*parsed));
  }
  return made;
}

// The names without which the body is refused.
Json required_of(const Json& whole, const std::function<std::optional<ApiError>(const Json&)>& read) {
  Json names = Json::array();
  for (const auto& [name, value] : whole.items()) {
    Json without = whole;
    without.erase(name);
    if (read(without)) names.push_back(name);
  }
  return names;
}

}  // namespace

std::span<const Body> bodies() {
  const auto by = [](const Dialect& d) { return [&d](const Json& json) { return d.decode(json); }; };
  static const Body kBodies[] = {body("ChatRequest", by(openai_chat()), kChat),
                                 body("CompletionRequest", by(openai_completions()), kCompletion),
                                 body("MessagesRequest", by(anthropic_messages()), kMessages),
                                 body("CountTokensRequest", &decode_count_tokens, kMessages),
                                 body("ResponsesRequest", by(openai_responses()), kResponses)};
  return kBodies;
}

Json schema_of(std::span<const Json> examples,
               const std::function<std::optional<ApiError>(const Json&)>& read) {
  Json schema;
  {
    FieldLog log;
    for (const Json& example : examples) (void)read(example);
    schema = log.schema();
  }
  schema["required"] = required_of(examples.front(), read);
  schema["examples"] = examples;
  return schema;
}

Json schema_of(const Body& body) {
  Json schema = schema_of(body.examples, [&](const Json& json) -> std::optional<ApiError> {
    auto decoded = body.decode(json);
    if (auto* fault = std::get_if<ApiError>(&decoded)) return std::move(*fault);
    return {};
  });
  schema["properties"].erase(kPreviousItems);  // the server's own
  return schema;
}

}  // namespace autark::api
