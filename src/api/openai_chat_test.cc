// Goal: the Chat Completions dialect decodes requests and encodes answers. Method: bodies as clients send
// them against the expected request; scripted events against the exact bytes; the joined stream against the
// whole body.
#include "api/faults.h"
#include "api/openai_fields.h"
#include "api/testing.h"

namespace autark::api {
namespace {

ApiResult<Request> decode(std::string_view rest) {
  return openai_chat().decode(
      json_of(R"({"messages":[{"role":"user","content":"hi"}])" + std::string(rest) + "}"));
}

TEST(OpenAiChat, TakesHintsAboutWhatIsSentAgain) {
  const Request r = decoded(openai_chat().decode(json_of(R"({"prompt_cache_key":"k","messages":[
    {"role":"system","content":[{"type":"text","text":"s","cache_control":{"type":"ephemeral"}}]},
    {"role":"user","content":"u"}]})")));
  EXPECT_TRUE(r.returns);
  EXPECT_EQ(r.keep_seconds, 300);
  EXPECT_EQ(r.cache_marks, std::vector<std::string>{"messages[0]"});
  EXPECT_TRUE(r.ignored.empty());
  const Request day = decoded(decode(R"(,"prompt_cache_key":"","prompt_cache_retention":"24h")"));
  EXPECT_FALSE(day.returns);
  EXPECT_EQ(day.keep_seconds, 86'400);
}

TEST(OpenAiChat, ReadsAConversation) {
  const Request r = decoded(openai_chat().decode(json_of(R"({"model":"m","messages":[
    {"role":"developer","content":"be short"},
    {"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"name":"Ann"},
    {"role":"assistant","content":null},{"role":"system","content":"now"},{"role":"user","content":"go"}]})")));
  ASSERT_EQ(r.items.size(), 5u);
  EXPECT_EQ(r.model, "m");
  EXPECT_EQ(r.items[0].role, Role::developer);
  ASSERT_EQ(r.items[1].parts.size(), 2u);
  EXPECT_EQ(std::get<Text>(r.items[1].parts[1]).text, "b");
  EXPECT_TRUE(r.items[2].parts.empty());
  EXPECT_EQ(r.items[3].role, Role::system);
  EXPECT_FALSE(r.max_tokens);
  EXPECT_TRUE(r.ignored.empty());
}

// It only feeds drafts; the answer is the same without it.
TEST(OpenAiChat, ReadsThePrediction) {
  const auto predicted = [](const std::string& value) { return decode(R"(,"prediction":)" + value); };
  EXPECT_EQ(decoded(predicted(R"({"type":"content","content":"a b"})")).prediction, "a b");
  EXPECT_EQ(
      decoded(predicted(
                  R"({"type":"content","content":[{"type":"text","text":"a"},{"type":"text","text":" b"}]})"))
          .prediction,
      "a b");
  EXPECT_EQ(decoded(predicted("null")).prediction, "");
  EXPECT_EQ(decoded(predicted(R"({"type":"content","content":"a","x":1})")).ignored,
            std::vector<std::string>{"prediction.x"});
  for (const auto& [value, param] : {std::pair{R"("a")", "prediction"},
                                     {R"({"content":"a"})", "prediction.type"},
                                     {R"({"type":"content"})", "prediction.content"},
                                     {R"({"type":"content","content":5})", "prediction.content"},
                                     {R"({"type":"content","content":[5]})", "prediction.content[0]"}})
    EXPECT_EQ(fault_of(predicted(value)).param, param) << value;
}

TEST(OpenAiChat, ReadsEverySetting) {
  const Request r = decoded(decode(R"(,"temperature":0.5,"top_p":0.9,"min_p":0.1,"top_k":40,"seed":-2,
    "frequency_penalty":1,"presence_penalty":-2,"repetition_penalty":1.1,"logit_bias":{"5":-100},"n":3,
    "stop":["a","","b"],"stop_token_ids":[1,2],"min_tokens":2,"ignore_eos":true,"logprobs":true,"top_logprobs":4,
    "stream":true,"stream_options":{"include_usage":true},"max_tokens":5,"max_completion_tokens":6,
    "chat_template_kwargs":{"enable_thinking":false},"user":"u","tools":[],"tool_choice":"none",
    "response_format":{"type":"text"},"modalities":["text"],"store":false,"metadata":{},"reasoning_effort":"low")"));
  EXPECT_EQ(r.sampling.temperature, 0.5);
  EXPECT_EQ(r.sampling.top_k, 40);
  EXPECT_EQ(r.sampling.seed, ~uint64_t{1});
  EXPECT_EQ(r.sampling.logit_bias.at(5), -100);
  EXPECT_EQ(r.n, 3);
  EXPECT_EQ(r.stop, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(r.stop_tokens, (std::vector<int32_t>{1, 2}));
  EXPECT_EQ(r.min_tokens, 2);
  EXPECT_TRUE(r.ignore_end && r.stream && r.include_usage);
  EXPECT_EQ(r.logprobs, 4);
  EXPECT_EQ(r.max_tokens, 6) << "the new name wins";
  EXPECT_EQ(r.template_kwargs["enable_thinking"], false);
  EXPECT_EQ(r.user, "u");
  EXPECT_TRUE(r.ignored.empty()) << r.ignored.front();
}

// Every numeric field, with a value outside its range or of another type: the fault names field and range.
TEST(OpenAiChat, NumbersOutOfRangeAreNamed) {
  const std::string huge = "1" + std::string(30, '0');
  for (const char* field :
       {"max_tokens", "max_completion_tokens", "n", "top_k", "seed", "min_tokens", "top_logprobs",
        "temperature", "top_p", "min_p", "repetition_penalty", "frequency_penalty", "presence_penalty"})
    for (const std::string& value : {huge, "-" + huge, std::string("1e30"), std::string("-1e300")}) {
      const ApiError f = fault_of(decode(R"(,"logprobs":true,")" + std::string(field) + "\":" + value));
      EXPECT_EQ(f.param, field) << f.message;
      EXPECT_TRUE(f.message.starts_with(field + std::string(" must be "))) << f.message;
      EXPECT_NE(f.message.find(" to "), std::string::npos) << f.message;
      EXPECT_EQ(f.message.find("string"), std::string::npos) << f.message;
    }
  EXPECT_EQ(fault_of(decode(R"(,"max_tokens":)" + huge)).message,
            "max_tokens must be a whole number from 1 to 1099511627776, not 1" + std::string(30, '0'));
  EXPECT_EQ(fault_of(decode(R"(,"seed":18446744073709551615)")).message,
            "seed must be a whole number from -9223372036854775808 to 9223372036854775807, not "
            "18446744073709551615");
  EXPECT_EQ(fault_of(decode(R"(,"n":1.5)")).message, "n must be a whole number from 1 to 128, not 1.5");
  EXPECT_EQ(fault_of(decode(R"(,"temperature":)" + huge)).message,
            "temperature must be from 0 to 2, not 1" + std::string(30, '0'));
  EXPECT_EQ(fault_of(decode(R"(,"max_tokens":"12")")).message,
            "max_tokens must be a whole number, not a string");
  const ApiError bias = fault_of(decode(R"(,"logit_bias":{"5":)" + huge + "}"));
  EXPECT_EQ(bias.param, "logit_bias.5") << bias.message;
  EXPECT_LT(fault_of(decode(R"(,"max_tokens":1)" + std::string(300, '0'))).message.size(), 200u);
}

TEST(OpenAiChat, AnUnknownFingerprintIsNull) {
  const Envelope e{.id = "1", .model = "m"};
  EXPECT_TRUE(whole(openai_chat(), e, {started(0, 1), finished(0, Finish::stop, 1, 0)})["system_fingerprint"]
                  .is_null());
}

TEST(OpenAiChat, ReadsToolsAndWhatCameOfThem) {
  const Request r = decoded(openai_chat().decode(json_of(R"({"messages":[{"role":"user","content":"hi"},
    {"role":"assistant","content":"let me","reasoning_content":"hm","tool_calls":[
      {"id":"call_1","type":"function","function":{"name":"f","arguments":"{\"b\": 1e5,\n\"a\": 2}"}},
      {"id":"call_2","type":"function","function":{"name":"g"}}]},
    {"role":"tool","tool_call_id":"call_1","content":"wet"},
    {"role":"tool","tool_call_id":"call_2","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}],
    "tools":[{"type":"function","function":{"parameters":{"z":1,"a":2},"name":"f","strict":true}}],
    "tool_choice":{"type":"function","function":{"name":"f"}},"parallel_tool_calls":false,
    "reasoning_effort":"high"})")));
  ASSERT_EQ(r.items.size(), 4u);
  ASSERT_EQ(r.items[1].parts.size(), 4u);
  EXPECT_EQ(std::get<Reasoning>(r.items[1].parts[0]).text, "hm");
  EXPECT_EQ(std::get<Text>(r.items[1].parts[1]).text, "let me");
  const auto& call = std::get<ToolCall>(r.items[1].parts[2]);
  EXPECT_TRUE(call.id == "call_1" && call.name == "f");
  EXPECT_EQ(call.arguments, "{\"b\": 1e5,\n\"a\": 2}") << "as it was sent";
  EXPECT_EQ(std::get<ToolCall>(r.items[1].parts[3]).arguments, "{}");
  EXPECT_EQ(std::get<ToolResult>(r.items[2].parts.at(0)).call, "call_1");
  EXPECT_EQ(std::get<ToolResult>(r.items[3].parts.at(0)).parts.at(1).text, "b");
  EXPECT_EQ(dump_json(r.tools.at(0).function), R"({"parameters":{"z":1,"a":2},"name":"f","strict":true})");
  EXPECT_EQ(r.tool_choice.mode, ToolChoice::Mode::named);
  EXPECT_FALSE(r.parallel_calls);
  EXPECT_EQ(r.thinking, true) << "an effort asks for thinking";
  EXPECT_EQ(r.effort, "high");
  EXPECT_TRUE(r.tools[0].strict);
  EXPECT_TRUE(r.ignored.empty());
}

TEST(OpenAiChat, Thinking) {
  EXPECT_FALSE(decoded(decode("")).thinking);
  EXPECT_EQ(decoded(decode(R"(,"reasoning_effort":"none")")).thinking, false);
  EXPECT_EQ(decoded(decode(R"(,"thinking":{"type":"disabled"},"reasoning_effort":"max")")).thinking, false);
  EXPECT_EQ(decoded(decode(R"(,"thinking":{"type":"enabled"})")).thinking, true);
  EXPECT_EQ(decoded(decode(R"(,"enable_thinking":false)")).thinking, false);
  EXPECT_EQ(decoded(decode(R"(,"reasoning_effort":"ultra")")).effort, "max") << "DeepSeek's name";
}

TEST(OpenAiChat, TellsTheClassOfService) {
  const auto tier_of = [](std::string_view field) {
    Envelope e = envelope();
    e.repeated = decoded(decode(field)).repeated;
    const std::vector<Event> events{started(0, 1), finished(0, Finish::stop, 1, 0)};
    const Json first = json_of(openai_chat().stream(e)->encode(events[0], Tally(1, 1)).at(0).data);
    return std::pair(whole(openai_chat(), e, events)["service_tier"], first.value("service_tier", Json()));
  };
  EXPECT_EQ(tier_of(""), (std::pair<Json, Json>("default", nullptr)));
  EXPECT_EQ(tier_of(R"(,"service_tier":"flex")"), (std::pair<Json, Json>("flex", "flex")));
  EXPECT_EQ(tier_of(R"(,"service_tier":"priority")"), (std::pair<Json, Json>("priority", "priority")));
  EXPECT_EQ(tier_of(R"(,"service_tier":"auto")"), (std::pair<Json, Json>("default", "default")));
}

TEST(OpenAiChat, StreamsReasoningAndCalls) {
  std::string deltas;
  for (const Json& f : frames(openai_chat(), envelope(), thought_and_called()))
    deltas += dump_json(f["choices"][0]["delta"]) + dump_json(f["choices"][0]["finish_reason"]) + "\n";
  EXPECT_EQ(deltas, R"({"role":"assistant","content":""}null
{"reasoning_content":"Hm"}null
{"reasoning_content":"m."}null
{"content":"Look:"}null
{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"f","arguments":""}}]}null
{"tool_calls":[{"index":0,"function":{"arguments":"{\"x\":"}}]}null
{"tool_calls":[{"index":0,"function":{"arguments":" 1}"}}]}null
{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"g","arguments":""}}]}null
{"tool_calls":[{"index":1,"function":{"arguments":"{}"}}]}null
{}"tool_calls"
)");
}

TEST(OpenAiChat, AnswersReasoningAndCalls) {
  const Json body = whole(openai_chat(), envelope(), thought_and_called());
  EXPECT_EQ(
      dump_json(body["choices"][0]),
      R"({"index":0,"message":{"role":"assistant","content":"Look:","reasoning_content":"Hmm.","tool_calls":[{"id":"call_a","type":"function","function":{"name":"f","arguments":"{\"x\": 1}"}},{"id":"call_b","type":"function","function":{"name":"g","arguments":"{}"}}],"refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"tool_calls"})");
  EXPECT_EQ(body["usage"]["completion_tokens_details"]["reasoning_tokens"], 2);
}

TEST(OpenAiChat, CallsThatWereCut) {
  const Json cut = whole(openai_chat(), envelope(), cut_call("{\"x\": ", Finish::length))["choices"][0];
  EXPECT_EQ(cut["message"]["tool_calls"][0]["function"]["arguments"], "{\"x\": ") << "kept as far as it came";
  EXPECT_TRUE(cut["message"]["content"].is_null());
  EXPECT_EQ(cut["finish_reason"], "length");
  const Json none = whole(openai_chat(), envelope(), cut_call("{\"x\": ", Finish::stop))["choices"][0];
  EXPECT_FALSE(none["message"].contains("tool_calls")) << "the model stopped before it had called";
}

TEST(OpenAiChat, UnknownFieldsAreNamedAndOtherwiseIgnored) {
  const Request r = decoded(decode(R"(,"brand_new":{"deep":[1]},"n":null)"));
  EXPECT_EQ(r.ignored, std::vector<std::string>{"brand_new"});
  EXPECT_EQ(r.n, 1);
}

TEST(OpenAiChat, ReadsGrammarsOfCustomTools) {
  const auto tool = [](const std::string& grammar) {
    return decoded(
               decode(
                   (R"(,"tools":[{"type":"custom","custom":{"name":"a","format":{"type":"grammar","grammar":)" +
                    grammar + "}}}]")
                       .c_str()))
        .tools.at(0);
  };
  const Tool lark = tool(R"({"syntax":"lark","definition":"start: \"a\""})");
  EXPECT_TRUE(lark.strict);
  EXPECT_EQ(lark.function["parameters"]["properties"]["input"],
            (Json{{"type", "string"}, {"lark", "start: \"a\""}}));
  const Tool regex = tool(R"({"syntax":"regex","definition":"a+"})");
  EXPECT_EQ(regex.function["parameters"]["properties"]["input"]["pattern"], "^(?:a+)$");
}

TEST(OpenAiChat, RefusesByName) {
  const std::pair<const char*, const char*> bad[] = {
      {R"(,"tools":[{"type":"function"}])", "tools[0].function"},
      {R"(,"tools":[{"type":"custom","custom":{}}])", "tools[0].custom.name"},
      {R"(,"tools":[{"type":"custom","custom":{"name":"a","format":{"type":"grammar"}}}])",
       "tools[0].custom.format.grammar"},
      {R"(,"tools":[{"type":"custom","custom":{"name":"a","format":{"type":"grammar","grammar":{"syntax":"abnf"}}}}])",
       "tools[0].custom.format.grammar.syntax"},
      {R"(,"tools":[{"type":"web_search"}],"tool_choice":{"type":"web_search"})", "tool_choice"},
      {R"(,"tools":[{"type":"function","function":{"name":""}}])", "tools[0].function.name"},
      {R"(,"tools":[{"type":"function","function":{"name":"a\"b"}}])", "tools[0].function.name"},
      {R"(,"tools":[{"type":"function","function":{"name":"a\nb"}}])", "tools[0].function.name"},
      {R"(,"tools":[{"type":"function","function":{"name":"f","parameters":[]}}])",
       "tools[0].function.parameters"},
      {R"(,"tools":{})", "tools"},
      {R"(,"tool_choice":"required")", "tool_choice"},
      {R"(,"tool_choice":"maybe")", "tool_choice"},
      {R"(,"tool_choice":{"type":"allowed_tools"})", "tool_choice.allowed_tools"},
      {R"(,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"all","tools":[]}})",
       "tool_choice.allowed_tools.mode"},
      {R"(,"tools":[{"function":{"name":"f"}}],"tool_choice":{"type":"allowed_tools","allowed_tools":
        {"mode":"required","tools":[]}})",
       "tool_choice"},
      {R"(,"tool_choice":{"type":"function"})", "tool_choice.function"},
      {R"(,"tools":[{"function":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"g"}})",
       "tool_choice"},
      {R"(,"reasoning_effort":"heroic")", "reasoning_effort"},
      {R"(,"thinking":{"type":"much"})", "thinking.type"},
      {R"(,"functions":[{}])", "functions[0].name"},
      {R"(,"functions":[{"name":"f"}],"function_call":{"name":"g"})", "function_call.name"},
      {R"(,"functions":[{"name":"f"}],"function_call":"maybe")", "function_call"},
      {R"(,"functions":[{"name":"f"}],"tools":[{"function":{"name":"f"}}])", "functions"},
      {R"(,"response_format":{"type":"xml"})", "response_format.type"},
      {R"(,"response_format":{"type":"json_schema"})", "response_format.json_schema"},
      {R"(,"response_format":{"type":"json_schema","json_schema":{"schema":[]}})",
       "response_format.json_schema.schema"},
      {R"(,"response_format":"json")", "response_format"},
      {R"(,"modalities":["text","audio"])", "modalities"},
      {R"(,"audio":{"voice":"x"})", "audio"},
      {R"(,"web_search_options":{})", "web_search_options"},
      {R"(,"temperature":2.1)", "temperature"},
      {R"(,"temperature":"hot")", "temperature"},
      {R"(,"temperature":true)", "temperature"},
      {R"(,"top_p":-0.1)", "top_p"},
      {R"(,"n":0)", "n"},
      {R"(,"n":129)", "n"},
      {R"(,"n":1.5)", "n"},
      {R"(,"seed":99999999999999999999999)", "seed"},
      {R"(,"seed":18446744073709551615)", "seed"},
      {R"(,"max_tokens":0)", "max_tokens"},
      {R"(,"stream":"yes")", "stream"},
      {R"(,"stream_options":{"include_usage":1})", "stream_options.include_usage"},
      {R"(,"stop":[1])", "stop"},
      {R"(,"stop":{})", "stop"},
      {R"(,"stop":["1","2","3","4","5","6","7","8","9","a","b","c","d","e","f","g","h"])", "stop"},
      {R"(,"top_logprobs":2)", "top_logprobs"},
      {R"(,"logprobs":true,"top_logprobs":21)", "top_logprobs"},
      {R"(,"logit_bias":{"x":1})", "logit_bias.x"},
      {R"(,"logit_bias":{"1":101})", "logit_bias.1"},
      {R"(,"stop_token_ids":[-1])", "stop_token_ids"},
      {R"(,"model":1)", "model"},
      {R"(,"guided_json":"{")", "guided_json"},
      {R"(,"guided_choice":["a",1])", "guided_choice"},
      {R"(,"guided_regex":"a","structured_outputs":{"json":{}})", "guided_regex"},
      {R"(,"structured_outputs":{"structural_tag":"x"})", "structured_outputs.structural_tag"},
  };
  for (const auto& [field, param] : bad) EXPECT_EQ(fault_of(decode(field)).param, param) << field;
}

TEST(OpenAiChat, AllowedTools) {
  const Request r = decoded(decode(R"(,"tools":[{"function":{"name":"f"}},{"function":{"name":"g"}},
    {"type":"custom","custom":{"name":"h"}},{"type":"web_search"}],"tool_choice":{"type":"allowed_tools",
    "allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"g"}},
    {"type":"custom","custom":{"name":"h"}},{"type":"web_search"}]}})"));
  ASSERT_EQ(r.tools.size(), 2u);
  EXPECT_EQ(r.tools[0].name, "g");
  EXPECT_TRUE(r.tools[1].custom);
  EXPECT_EQ(r.tool_choice.mode, ToolChoice::Mode::required);
  EXPECT_EQ(r.ignored, std::vector<std::string>{"tools.web_search"}) << "left out and counted";
}

TEST(OpenAiChat, TheOlderFormOfTools) {
  const Request r = decoded(openai_chat().decode(json_of(R"({"functions":[{"name":"f","parameters":{}}],
    "function_call":{"name":"f"},"messages":[{"role":"user","content":"a"},
    {"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{\"x\": 1}"}},
    {"role":"function","name":"f","content":"wet"},{"role":"user","content":"b"}]})")));
  EXPECT_EQ(r.tool_choice.name, "f");
  EXPECT_FALSE(r.parallel_calls);
  const auto& call = std::get<ToolCall>(r.items[1].parts.at(0));
  const auto& result = std::get<ToolResult>(r.items[2].parts.at(0));
  EXPECT_EQ(call.arguments, "{\"x\": 1}");
  EXPECT_FALSE(call.id.empty());
  EXPECT_EQ(result.call, call.id);
  Envelope e = envelope();
  e.repeated = r.repeated;
  e.tools = r.tools;
  const std::vector<Event> events{started(0, 3),
                                  event(Event::CallBegun{0, "1", "f"}),
                                  event(Event::CallArguments{0, "{\"x\":"}),
                                  event(Event::CallArguments{0, "2}"}),
                                  event(Event::CallEnded{0}),
                                  finished(0, Finish::tool_calls, 3, 4)};
  const Json choice = whole(openai_chat(), e, events)["choices"][0];
  EXPECT_EQ(choice["finish_reason"], "function_call");
  EXPECT_EQ(choice["message"]["function_call"], (Json{{"name", "f"}, {"arguments", "{\"x\":2}"}}));
  EXPECT_FALSE(choice["message"].contains("tool_calls"));
  std::string arguments;
  for (const Json& f : frames(openai_chat(), e, events))
    if (f["choices"][0]["delta"].contains("function_call"))
      arguments += f["choices"][0]["delta"]["function_call"]["arguments"].get<std::string>();
  EXPECT_EQ(arguments, "{\"x\":2}");
}

TEST(OpenAiChat, CustomToolsTakeText) {
  const Request r =
      decoded(openai_chat().decode(json_of(R"({"tools":[{"type":"custom","custom":{"name":"patch"}}],
    "messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"1","type":"custom",
    "custom":{"name":"patch","input":"+a"}}]},{"role":"tool","tool_call_id":"1","content":"ok"}]})")));
  EXPECT_EQ(std::get<ToolCall>(r.items[1].parts.at(0)).arguments, R"({"input": "+a"})");
  Envelope e = envelope();
  e.tools = r.tools;
  const std::vector<Event> events{started(0, 3),
                                  event(Event::CallBegun{0, "1", "patch"}),
                                  event(Event::CallArguments{0, "{\"input\": "}),
                                  event(Event::CallArguments{0, "\"+b\"}"}),
                                  event(Event::CallEnded{0}),
                                  finished(0, Finish::tool_calls, 3, 4)};
  const Json call = whole(openai_chat(), e, events)["choices"][0]["message"]["tool_calls"][0];
  EXPECT_EQ(call["type"], "custom");
  EXPECT_EQ(call["custom"], (Json{{"name", "patch"}, {"input", "+b"}}));
  std::string input;
  for (const Json& f : frames(openai_chat(), e, events))
    if (const Json& d = f["choices"][0]["delta"]; d.contains("tool_calls"))
      input += d["tool_calls"][0]["custom"]["input"].get<std::string>();
  EXPECT_EQ(input, "+b");
}

TEST(OpenAiChat, RefusesMessagesByPlace) {
  const std::pair<const char*, const char*> bad[] = {
      {R"([])", "messages"},
      {R"({})", "messages"},
      {R"(["hi"])", "messages[0]"},
      {R"([{"role":"user"}])", "messages[0].content"},
      {R"([{"role":"king","content":""}])", "messages[0].role"},
      {R"([{"content":""}])", "messages[0].role"},
      {R"([{"role":"user","content":1}])", "messages[0].content"},
      {R"([{"role":"user","content":""},{"role":"tool","content":"x"}])", "messages[1].tool_call_id"},
      {R"([{"role":"tool","tool_call_id":"1"}])", "messages[0].content"},
      {R"([{"role":"assistant","function_call":{"arguments":"{}"}},{"role":"function","content":"x"}])",
       "messages[0].function_call.name"},
      {R"([{"role":"assistant","tool_calls":[{"type":"custom"}]}])", "messages[0].tool_calls[0].custom"},
      {R"([{"role":"assistant","tool_calls":[{"type":"other"}]}])", "messages[0].tool_calls[0]"},
      {R"([{"role":"assistant","tool_calls":[{"function":{"arguments":"{}"}}]}])",
       "messages[0].tool_calls[0].function.name"},
      {R"([{"role":"assistant","tool_calls":[{"function":{"name":"f","arguments":[]}}]}])",
       "messages[0].tool_calls[0].function.arguments"},
      {R"([{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}])",
       "messages[0].content[0]"},
      {R"([{"role":"user","content":[{"type":"text"}]}])", "messages[0].content[0].text"},
      {R"([{"role":"user","content":[7]}])", "messages[0].content[0]"},
      {R"([{"role":"assistant","content":null,"tool_calls":[{}]}])", "messages[0].tool_calls[0].function"},
  };
  for (const auto& [messages, param] : bad)
    EXPECT_EQ(fault_of(openai_chat().decode(json_of(R"({"messages":)" + std::string(messages) + "}"))).param,
              param)
        << messages;
  EXPECT_EQ(fault_of(openai_chat().decode(json_of("[1]"))).message,
            "the request body must be an object, not a list");
}

TEST(OpenAiChat, StreamsTheseBytes) {
  Envelope e = envelope();
  e.include_usage = true;
  EXPECT_EQ(
      played(openai_chat(), e, {started(0, 3), delta(0, "He\"y\n", 3, 1), finished(0, Finish::length, 3, 1)}),
      R"(data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"system_fingerprint":"fp","usage":null}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{"content":"He\"y\n"},"logprobs":null,"finish_reason":null}],"system_fingerprint":"fp","usage":null}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"length"}],"system_fingerprint":"fp","usage":null}

data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":7,"model":"m","choices":[],"system_fingerprint":"fp","usage":{"prompt_tokens":3,"completion_tokens":1,"total_tokens":4,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0},"prompt_cache_hit_tokens":0,"prompt_cache_miss_tokens":3}}

data: [DONE]

)");
}

TEST(OpenAiChat, AnswersThisBody) {
  EXPECT_EQ(
      dump_json(
          whole(openai_chat(), envelope(),
                {started(0, 3), delta(0, "He", 3, 1), delta(0, "y", 3, 2), finished(0, Finish::stop, 3, 2)})),
      R"({"id":"chatcmpl-1","object":"chat.completion","created":7,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hey","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"system_fingerprint":"fp","service_tier":"default","usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5,"prompt_tokens_details":{"cached_tokens":0},"completion_tokens_details":{"reasoning_tokens":0},"prompt_cache_hit_tokens":0,"prompt_cache_miss_tokens":3}})");
}

TEST(OpenAiChat, LogprobsCarryBytes) {
  Envelope e = envelope();
  e.logprobs = 1;
  TokenLogprob half{{"\xef\xbf\xbd", "\xe4\xbd", -0.5}, {{"x", "x", -INFINITY}}};
  Event event{0, Event::Delta{"", {half}, false}, {3, 0, 1}};
  const auto all = frames(openai_chat(), e, {started(0, 3), event, finished(0, Finish::stop, 3, 1)});
  ASSERT_EQ(all.size(), 3u);
  EXPECT_EQ(dump_json(all[1]["choices"][0]["logprobs"]),
            "{\"content\":[{\"token\":\"\xef\xbf\xbd\",\"logprob\":-0.5,\"bytes\":[228,189],\"top_logprobs\":"
            "[{\"token\":"
            "\"x\",\"logprob\":-9999.0,\"bytes\":[120]}]}],\"refusal\":null}");
}

// Property: for every choice the joined deltas of the stream equal the whole body, with the same usage.
TEST(OpenAiChat, StreamJoinedIsTheBody) {
  Envelope e = envelope();
  e.choices = e.n = 2;
  e.include_usage = true;
  e.logprobs = 0;
  std::vector<Event> events{started(0, 9), started(1, 9)};
  for (int i = 0; i < 20; ++i) {
    Event d = delta(i % 2, "t" + std::to_string(i), 9, i / 2 + 1);
    std::get<Event::Delta>(d.payload).logprobs = {{{"t", "t", -double(i)}, {}}};
    events.push_back(d);
  }
  events.push_back(finished(1, Finish::stop, 9, 10));
  events.push_back(finished(0, Finish::context, 9, 10));
  Json joined[2] = {Json::array(), Json::array()}, finish[2], usage;
  std::string text[2];
  for (const Json& f : frames(openai_chat(), e, events)) {
    if (f["choices"].empty()) {
      usage = f["usage"];
      continue;
    }
    const Json& c = f["choices"][0];
    const int i = c["index"];
    text[i] += c["delta"].value("content", "");
    if (!c["finish_reason"].is_null()) finish[i] = c["finish_reason"];
    if (!c["logprobs"].is_null())
      joined[i].insert(joined[i].end(), c["logprobs"]["content"].begin(), c["logprobs"]["content"].end());
  }
  const Json body = whole(openai_chat(), e, events);
  EXPECT_EQ(body["usage"], usage);
  EXPECT_EQ(usage["prompt_tokens"], 9) << "a prompt counts once, not once per choice";
  EXPECT_EQ(usage["completion_tokens"], 20);
  for (int i = 0; i < 2; ++i) {
    EXPECT_EQ(body["choices"][i]["message"]["content"], text[i]);
    EXPECT_EQ(body["choices"][i]["finish_reason"], finish[i]);
    EXPECT_EQ(body["choices"][i]["logprobs"]["content"], joined[i]);
  }
}

TEST(OpenAiChat, FaultInTheStream) {
  const Event fault{0, ApiError{ApiError::Kind::internal, "it broke"}, {}};
  EXPECT_EQ(played(openai_chat(), envelope(), {fault}),
            "data: {\"error\":{\"message\":\"it "
            "broke\",\"type\":\"server_error\",\"param\":null,\"code\":null}}\n\n");
}

TEST(OpenAiChat, ErrorBodies) {
  const Reply r = openai_chat().error({.kind = ApiError::Kind::context_length,
                                       .message = "too long",
                                       .param = "messages",
                                       .tokens = 5000,
                                       .limit = 4096},
                                      "id");
  EXPECT_EQ(r.status, 400);
  EXPECT_EQ(
      r.body,
      R"({"error":{"message":"This model's maximum context length is 4096 tokens. However, your messages resulted in 5000 tokens. Please reduce the length of the messages.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}})");
  const Reply busy = openai_chat().error({.kind = ApiError::Kind::overloaded, .message = "full"}, "id");
  EXPECT_EQ(busy.status, 429);
  EXPECT_EQ(busy.headers.at(1), (std::pair<std::string, std::string>{"retry-after", "1"}));
}

}  // namespace
}  // namespace autark::api
