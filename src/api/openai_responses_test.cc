// Goal: the Responses dialect decodes requests and encodes answers. Method: bodies as clients send them
// against the expected request; scripted events against the events of a stream; a client that joins a stream,
// cut at every event, against the whole body.
#include <algorithm>
#include "api/openai_responses_input.h"
#include "api/openai_responses_stream.h"
#include "api/testing.h"

namespace autark::api {
namespace {

const Dialect& dialect() {
  return openai_responses();
}
ApiResult<Request> decode(std::string_view rest) {
  return dialect().decode(json_of(R"({"input":"hi")" + std::string(rest) + "}"));
}
ApiResult<Request> decode_input(std::string_view items) {
  return dialect().decode(json_of(R"({"input":)" + std::string(items) + "}"));
}
Envelope answering(const Request& r) {
  Envelope e = envelope();
  e.repeated = r.repeated;
  e.tools = r.tools;
  return e;
}

TEST(OpenAiResponses, ReadsAText) {
  const Request r = decoded(decode(R"(,"model":"m","instructions":"be short","max_output_tokens":5)"));
  ASSERT_EQ(r.items.size(), 2u);
  EXPECT_EQ(r.items[0].role, Role::system);
  EXPECT_EQ(std::get<Text>(r.items[1].parts.at(0)).text, "hi");
  EXPECT_EQ(r.max_tokens, 5);
  EXPECT_TRUE(r.store) << "the default";
  EXPECT_FALSE(r.background || r.stream || r.seals_reasoning);
  EXPECT_TRUE(r.ignored.empty());
}

TEST(OpenAiResponses, ReadsAnAgentsConversation) {
  const Request r = decoded(decode_input(R"([
    {"type":"message","id":"msg_1","role":"developer","content":[{"type":"input_text","text":"a"},
                                                                {"type":"input_text","text":"b"}]},
    {"role":"user","content":"go"},
    {"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"hm"}]},
    {"type":"message","role":"assistant","status":"completed","id":"x",
     "content":[{"type":"output_text","text":"look","annotations":[],"logprobs":[]}]},
    {"type":"function_call","call_id":"call_1","id":"fc_1","name":"f","arguments":"{\"a\": 1}"},
    {"type":"function_call","call_id":"call_2","name":"spawn","namespace":"agents","arguments":"{}"},
    {"type":"custom_tool_call","call_id":"call_3","name":"patch","input":"+ \"x\""},
    {"type":"function_call_output","call_id":"call_1","id":"fco_1","output":"wet"},
    {"type":"function_call_output","call_id":"call_2","output":[{"type":"input_text","text":"t"},
                                                               {"type":"input_image","image_url":"u"}]},
    {"type":"custom_tool_call_output","call_id":"call_3","output":"ok"}])"));
  ASSERT_EQ(r.items.size(), 6u);
  const Item& turn = r.items[2];
  ASSERT_EQ(turn.parts.size(), 5u) << "one turn of the assistant";
  EXPECT_EQ(std::get<Reasoning>(turn.parts[0]).text, "hm");
  EXPECT_EQ(std::get<Text>(turn.parts[1]).text, "look");
  EXPECT_EQ(std::get<ToolCall>(turn.parts[2]).arguments, "{\"a\": 1}");
  EXPECT_EQ(std::get<ToolCall>(turn.parts[3]).name, "agents__spawn");
  EXPECT_EQ(std::get<ToolCall>(turn.parts[4]).arguments, R"({"input": "+ \"x\""})");
  EXPECT_EQ(std::get<ToolResult>(r.items[3].parts.at(0)).call, "call_1");
  EXPECT_EQ(std::get<ToolResult>(r.items[4].parts.at(0)).parts.at(1).text, "[input_image left out]");
}

TEST(OpenAiResponses, UnknownItemsBecomeALine) {
  const Request r = decoded(decode_input(R"([{"role":"user","content":"a"},
    {"type":"item_reference","id":"msg_9"},{"type":"web_search_call","id":"ws_1","status":"completed"},
    {"type":"brand_new","name":"x\ny"},{"role":"user","content":"b"}])"));
  ASSERT_EQ(r.items.size(), 4u);
  EXPECT_EQ(r.items[1].role, Role::assistant);
  EXPECT_EQ(std::get<Text>(r.items[1].parts.at(1)).text, "[web_search_call left out]");
  EXPECT_EQ(std::get<Text>(r.items[2].parts.at(0)).text, "[brand_new x y left out]");
  EXPECT_EQ(r.ignored,
            (std::vector<std::string>{"input.item_reference", "input.web_search_call", "input.brand_new"}));
}

constexpr const char* kTools = R"(,"tools":[
    {"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":false},
    {"type":"custom","name":"patch","description":"p"},
    {"type":"namespace","name":"agents","description":"n","tools":[
      {"type":"function","name":"spawn","parameters":{}},{"type":"mystery"}]},
    {"type":"web_search","external_web_access":true}])";

TEST(OpenAiResponses, ReadsTools) {
  const Request r = decoded(decode(kTools));
  ASSERT_EQ(r.tools.size(), 3u);
  EXPECT_EQ(dump_json(r.tools[0].function),
            R"({"name":"f","description":"d","parameters":{"type":"object"}})");
  EXPECT_TRUE(r.tools[1].custom);
  EXPECT_EQ(r.tools[1].function["parameters"]["required"], Json::array({"input"}));
  EXPECT_EQ(r.tools[2].name, "agents__spawn");
  EXPECT_EQ(r.tools[2].space, "agents");
  EXPECT_EQ(r.ignored, (std::vector<std::string>{"tools.mystery", "tools.web_search"})) << "counted";
}

TEST(OpenAiResponses, ReadsTheChoiceOfTools) {
  const auto with = [](const std::string& choice) {
    return decoded(decode(std::string(kTools) + ",\"tool_choice\":" + choice));
  };
  EXPECT_EQ(with("\"none\"").tool_choice.mode, ToolChoice::Mode::none);
  EXPECT_EQ(with("\"required\"").tool_choice.mode, ToolChoice::Mode::required);
  EXPECT_EQ(with(R"({"type":"function","name":"f"})").tool_choice.name, "f");
  EXPECT_EQ(with(R"({"type":"custom","name":"patch"})").tool_choice.name, "patch");
  EXPECT_EQ(with(R"({"type":"function","name":"spawn","namespace":"agents"})").tool_choice.name,
            "agents__spawn");
  const Request allowed = with(R"({"type":"allowed_tools","mode":"required","tools":[
    {"type":"custom","name":"patch"},{"type":"web_search"}]})");
  ASSERT_EQ(allowed.tools.size(), 1u);
  EXPECT_EQ(allowed.tools[0].name, "patch");
  EXPECT_EQ(allowed.tool_choice.mode, ToolChoice::Mode::required);
}

TEST(OpenAiResponses, ReadsSettings) {
  const Request r = decoded(decode(R"(,"temperature":0.5,"top_p":0.9,"stream":true,"store":false,
    "reasoning":{"effort":"high","summary":"auto"},"include":["reasoning.encrypted_content",
    "message.output_text.logprobs"],"top_logprobs":3,"parallel_tool_calls":false,"metadata":{"a":"b"},
    "text":{"format":{"type":"text"},"verbosity":"low"},"truncation":"disabled","user":"u","max_tool_calls":3,
    "prompt_cache_key":"k","safety_identifier":"s","service_tier":"auto","client_metadata":{"x":"y"},
    "stream_options":{"include_obfuscation":false},"previous_response_id":"resp_1","conversation":null)"));
  EXPECT_EQ(r.sampling.temperature, 0.5);
  EXPECT_EQ(r.thinking, true);
  EXPECT_EQ(r.effort, "high");
  EXPECT_EQ(r.logprobs, 3);
  EXPECT_TRUE(r.stream && r.seals_reasoning);
  EXPECT_FALSE(r.store || r.parallel_calls);
  EXPECT_TRUE(r.ignored.empty()) << r.ignored.front();
  EXPECT_EQ(r.repeated["metadata"], (Json{{"a", "b"}}));
  EXPECT_EQ(r.repeated["text"]["verbosity"], "low");
  EXPECT_EQ(decoded(decode(R"(,"reasoning":{"effort":"none"})")).thinking, false);
}

TEST(OpenAiResponses, ReadsTheFormatOfTheText) {
  const Request r = decoded(decode(R"(,"text":{"format":{"type":"json_schema","strict":true,"name":"Trip",
    "schema":{"type":"object"}}})"));
  ASSERT_TRUE(r.structure);
  EXPECT_EQ(r.structure->kind, Structure::Kind::json_schema);
  EXPECT_EQ(r.structure->name, "Trip");
  EXPECT_EQ(r.structure->schema, (Json{{"type", "object"}}));
  EXPECT_TRUE(r.structure->strict);
  EXPECT_EQ(r.structure->param, "text.format");
  EXPECT_EQ(r.repeated["text"]["format"]["name"], "Trip");
  EXPECT_EQ(decoded(decode(R"(,"text":{"format":{"type":"json_object"}})")).structure->kind,
            Structure::Kind::json_object);
  EXPECT_FALSE(decoded(decode(R"(,"text":{"format":{"type":"text"}})")).structure);
}

TEST(OpenAiResponses, TooLongAPromptIsAFaultOfTheInput) {
  const ApiError fault{.kind = ApiError::Kind::context_length, .param = "messages", .tokens = 9, .limit = 5};
  EXPECT_EQ(json_of(dialect().error(fault, "").body)["error"]["param"], "input");
}

TEST(OpenAiResponses, UltraIsTheMostEffort) {
  const Request r = decoded(decode(R"(,"reasoning":{"effort":"ultra"})"));
  EXPECT_EQ(r.effort, "max");
  EXPECT_EQ(r.repeated["reasoning"]["effort"], "max");
}

TEST(OpenAiResponses, RefusesByName) {
  const std::pair<const char*, const char*> bad[] = {
      {R"(,"n":2)", "n"},
      {R"(,"max_output_tokens":0)", "max_output_tokens"},
      {R"(,"temperature":3)", "temperature"},
      {R"(,"background":true,"store":false)", "background"},
      {R"(,"store":"yes")", "store"},
      {R"(,"conversation":"conv_1")", "conversation"},
      {R"(,"prompt":{"id":"p"})", "prompt"},
      {R"(,"previous_response_id":7)", "previous_response_id"},
      {R"(,"truncation":"some")", "truncation"},
      {R"(,"include":[1])", "include"},
      {R"(,"include":"x")", "include"},
      {R"(,"reasoning":{"effort":"heroic"})", "reasoning.effort"},
      {R"(,"reasoning":{"summary":1})", "reasoning.summary"},
      {R"(,"reasoning":[])", "reasoning"},
      {R"(,"text":7)", "text"},
      {R"(,"text":{"format":{"type":"xml"}})", "text.format.type"},
      {R"(,"text":{"format":{"type":"json_schema"}})", "text.format.schema"},
      {R"(,"tools":[{}])", "tools[0].type"},
      {R"(,"tools":[{"type":"function"}])", "tools[0].name"},
      {R"(,"tools":[{"type":"namespace","name":"n","tools":[7]}])", "tools[0].tools[0]"},
      {R"(,"tools":[{"type":"custom","name":"p","format":{"type":"grammar","syntax":"abnf"}}])",
       "tools[0].format.syntax"},
      {R"(,"tools":[{"type":"custom","name":"p","format":{"type":"grammar","syntax":"lark"}}])",
       "tools[0].format.definition"},
      {R"(,"tools":[{"type":"custom","name":"p","format":{"type":"grammar","syntax":"regex"}}])",
       "tools[0].format.definition"},
      {R"(,"tools":[{"type":"custom","name":"p","format":{"type":"json"}}])", "tools[0].format.type"},
      {R"(,"tools":{})", "tools"},
      {R"(,"tools":[{"type":"web_search"}],"tool_choice":{"type":"web_search"})", "tool_choice"},
      {R"(,"tools":[{"type":"web_search"}],"tool_choice":"required")", "tool_choice"},
      {R"(,"tool_choice":{"type":"function","name":"g"})", "tool_choice"},
      {R"(,"metadata":{"a":1})", "metadata.a"},
      {R"(,"top_logprobs":21)", "top_logprobs"},
  };
  for (const auto& [field, param] : bad) EXPECT_EQ(fault_of(decode(field)).param, param) << field;
  const std::pair<const char*, const char*> items[] = {
      {"[]", "input"},
      {"{}", "input"},
      {"[7]", "input[0]"},
      {"[{}]", "input[0].type"},
      {R"([{"role":"king","content":""}])", "input[0].role"},
      {R"([{"role":"user"}])", "input[0].content"},
      {R"([{"role":"user","content":[{"type":"input_image","image_url":"x"}]}])", "input[0].content[0]"},
      {R"([{"role":"user","content":[{"type":"input_text"}]}])", "input[0].content[0].text"},
      {R"([{"role":"user","content":[7]}])", "input[0].content[0]"},
      {R"([{"type":"function_call","call_id":"c"}])", "input[0].name"},
      {R"([{"type":"function_call","call_id":"c","name":"f","arguments":7}])", "input[0].arguments"},
      {R"([{"type":"function_call","call_id":"c","name":"f","arguments":[]}])", "input[0].arguments"},
      {R"([{"type":"function_call","call_id":"c","name":"f","arguments":"{}"}])", "input[0]"},
      {R"([{"type":"reasoning","summary":"x"}])", "input[0].summary"},
  };
  for (const auto& [input, param] : items) EXPECT_EQ(fault_of(decode_input(input)).param, param) << input;
  EXPECT_EQ(fault_of(dialect().decode(json_of("{}"))).param, "input");
}

TEST(OpenAiResponses, AnswersThisBody) {
  const Envelope e = answering(decoded(decode(R"(,"store":false,"max_output_tokens":9)")));
  const Json body =
      whole(dialect(), e,
            {started(0, 3), delta(0, "He", 3, 1), delta(0, "y", 3, 2), finished(0, Finish::stop, 3, 2)});
  EXPECT_EQ(body["id"], "resp_1");
  EXPECT_EQ(body["object"], "response");
  EXPECT_EQ(body["status"], "completed");
  EXPECT_EQ(body["max_output_tokens"], 9);
  EXPECT_EQ(
      dump_json(body["output"]),
      R"([{"id":"msg_1_0","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hey","annotations":[],"logprobs":[]}]}])");
  EXPECT_EQ(
      dump_json(body["usage"]),
      R"({"input_tokens":3,"input_tokens_details":{"cached_tokens":0,"cache_write_tokens":0},"output_tokens":2,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":5})");
  EXPECT_FALSE(body.contains("store")) << "the official object has no such field";
}

std::string types_of(const Envelope& e, const std::vector<Event>& events) {
  std::string out;
  int number = 0;
  for (const Frame& f : all_frames(dialect(), e, events)) {
    const Json data = json_of(f.data);
    EXPECT_EQ(data["type"], f.event);
    EXPECT_EQ(data["sequence_number"], number++);
    out += f.event.substr(f.event.find('.') + 1) + "\n";
  }
  return out;
}

TEST(OpenAiResponses, StreamsTheseEvents) {
  const Envelope e = answering(decoded(decode("")));
  EXPECT_EQ(types_of(e, thought_and_called()), R"(created
in_progress
output_item.added
content_part.added
reasoning_text.delta
reasoning_text.delta
reasoning_text.done
content_part.done
output_item.done
output_item.added
content_part.added
output_text.delta
output_text.done
content_part.done
output_item.done
output_item.added
function_call_arguments.delta
function_call_arguments.delta
function_call_arguments.done
output_item.done
output_item.added
function_call_arguments.delta
function_call_arguments.done
output_item.done
completed
)");
}

TEST(OpenAiResponses, ASummaryIfItIsAskedFor) {
  Envelope e = answering(decoded(decode(R"(,"reasoning":{"summary":"auto"})")));
  e.seal = [](const std::string& text) { return "sealed " + text; };
  const std::string types = types_of(e, thought_and_called());
  EXPECT_NE(types.find("reasoning_summary_part.added\nreasoning_summary_text.delta\n"), types.npos) << types;
  EXPECT_EQ(types.find("reasoning_text"), types.npos);
  const Json item = whole(dialect(), e, thought_and_called())["output"][0];
  EXPECT_EQ(
      dump_json(item),
      R"({"id":"rs_1_0","type":"reasoning","summary":[{"type":"summary_text","text":"Hmm."}],"encrypted_content":"sealed Hmm."})");
}

// The response object of the last event that has one.
Json last_response(const std::vector<Json>& events) {
  Json response;
  for (const Json& e : events)
    if (e.contains("response")) response = e["response"];
  return response;
}

TEST(OpenAiResponses, AJoinedStreamIsTheWholeAnswer) {
  const Envelope e = answering(decoded(decode(kTools)));
  std::vector<Event> custom = thought_and_called();
  std::get<Event::CallBegun>(custom[8].payload).name = "patch";
  std::get<Event::CallArguments>(custom[9].payload).text = R"({"input": "+a"})";
  for (const auto& events : {thought_and_called(), custom}) {
    const auto sent = frames(dialect(), e, events);
    const Json body = whole(dialect(), e, events);
    EXPECT_EQ(last_response(sent), body);
    Json items = Json::array();
    std::map<std::string, std::string> texts;
    for (const Json& f : sent) {
      if (f["type"] == "response.output_item.done") items.push_back(f["item"]);
      if (f.contains("delta")) texts[f["item_id"]] += f["delta"].get<std::string>();
    }
    EXPECT_EQ(items, body["output"]) << "agents take the items from output_item.done";
    for (const Json& item : items) {
      const Json& text = item.contains("arguments") ? item["arguments"]
                         : item.contains("input")   ? item["input"]
                                                    : item["content"][0]["text"];
      EXPECT_EQ(texts[item["id"]], text);
    }
  }
  EXPECT_EQ(whole(dialect(), e, custom)["output"][3]["input"], "+a");
  EXPECT_EQ(whole(dialect(), e, custom)["output"][3]["type"], "custom_tool_call");
}

TEST(OpenAiResponses, ACallOfANamespaceSaysSo) {
  const Envelope e = answering(decoded(decode(kTools)));
  std::vector<Event> events = thought_and_called();
  std::get<Event::CallBegun>(events[8].payload).name = "agents__spawn";
  const Json call = whole(dialect(), e, events)["output"][3];
  EXPECT_EQ(call["name"], "spawn");
  EXPECT_EQ(call["namespace"], "agents");
}

TEST(OpenAiResponses, CallsThatWereCutAreNeverDone) {
  const Envelope e = answering(decoded(decode("")));
  for (const Finish why : {Finish::length, Finish::stop})
    for (const Json& f : frames(dialect(), e, cut_call("{\"x\": ", why)))
      EXPECT_NE(f["type"], "response.output_item.done");
  const Json cut = whole(dialect(), e, cut_call("{\"x\": ", Finish::length));
  EXPECT_EQ(cut["status"], "incomplete");
  EXPECT_EQ(cut["incomplete_details"]["reason"], "max_output_tokens");
  EXPECT_EQ(cut["output"][0]["status"], "incomplete");
  EXPECT_EQ(whole(dialect(), e, cut_call("{", Finish::stop))["output"], Json::array());
}

TEST(OpenAiResponses, AFaultInAStreamIsAFailedResponse) {
  const Envelope e = answering(decoded(decode("")));
  const ApiError fault{.kind = ApiError::Kind::unavailable, .message = "gone"};
  const auto sent = frames(dialect(), e, {started(0, 3), delta(0, "He", 3, 1), event(fault)});
  EXPECT_EQ(sent.back()["type"], "response.failed");
  EXPECT_EQ(sent.back()["response"]["status"], "failed");
  EXPECT_EQ(sent.back()["response"]["error"]["code"], "server_error");
  EXPECT_EQ(sent.back()["response"]["error"]["message"], "gone");
  EXPECT_EQ(sent.back()["response"]["usage"]["total_tokens"], 4) << "what was spent";
  const auto at_once = frames(dialect(), e, {event(fault)});
  ASSERT_EQ(at_once.size(), 3u);
  EXPECT_EQ(at_once[0]["type"], "response.created");
  EXPECT_EQ(at_once[2]["type"], "response.failed");
}

TEST(OpenAiResponses, AFailedBodyHasItsUsage) {
  const Envelope e = answering(decoded(decode("")));
  const auto failed = [&](const std::vector<Event>& before) {
    Answer answer(1);
    Tally tally(1, 1);
    for (const Event& one : before) tally.add(one), answer.add(one);
    answer.add(event(ApiError{.kind = ApiError::Kind::timeout, .message = "late"}));
    return dialect().body(e, answer, tally);
  };
  EXPECT_EQ(failed({started(0, 3), delta(0, "He", 3, 1)})["usage"]["output_tokens"], 1);
  EXPECT_TRUE(failed({})["usage"].is_null()) << "nothing was spent";
}

TEST(OpenAiResponses, ACancelledStreamEndsWithAnEventThatClientsKnow) {
  const Envelope e = answering(decoded(decode("")));
  for (const bool begun : {true, false}) {
    std::vector<Event> events{started(0, 3), finished(0, Finish::cancelled, 3, 0)};
    if (!begun) events.erase(events.begin());
    const auto sent = frames(dialect(), e, events);
    EXPECT_EQ(sent.front()["type"], "response.created");
    EXPECT_EQ(sent.back()["type"], "response.incomplete");
    EXPECT_EQ(sent.back()["response"]["status"], "cancelled");
  }
}

TEST(OpenAiResponses, AKeptResponseAsAStream) {
  const Envelope e = answering(decoded(decode("")));
  const Json body = whole(dialect(), e, thought_and_called());
  const auto read = [](const std::vector<Frame>& frames) {
    std::vector<Json> out;
    for (const Frame& f : frames) out.push_back(json_of(f.data));
    return out;
  };
  const auto all = read(stream_of_kept(body, -1));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0]["type"], "response.created");
  EXPECT_EQ(all[0]["response"]["status"], "in_progress");
  EXPECT_EQ(all[0]["response"]["output"], Json::array());
  EXPECT_EQ(all[1]["type"], "response.completed");
  EXPECT_EQ(all[1]["response"], body);
  const auto rest = read(stream_of_kept(body, 7));
  ASSERT_EQ(rest.size(), 1u);
  EXPECT_EQ(rest[0]["sequence_number"], 8);
}

TEST(OpenAiResponses, PlacesAreThoseOfTheOwnInput) {
  const Request r = decoded(dialect().decode(json_of(R"({"previous_items":[{"role":"user","content":"a"},
    {"role":"assistant","content":"b"}],"input":[{"type":"function_call","call_id":"1","name":"f"},
    {"type":"function_call","call_id":"2","name":"g"},{"type":"function_call_output","call_id":"1","output":"x"},
    {"type":"function_call_output","call_id":"2","output":"y"}]})")));
  ASSERT_EQ(r.items.size(), 4u);
  EXPECT_EQ(r.items[0].place, "");
  EXPECT_EQ(r.items[1].places, (std::vector<std::string>{"", "input[0]", "input[1]"}));
  EXPECT_EQ(r.items[2].place, "input[2]");
  EXPECT_EQ(r.items[3].place, "input[3]");
  const auto fault = fault_of(dialect().decode(
      json_of(R"({"previous_items":[{"role":"user","content":"a"}],"input":[{"role":"user"}]})")));
  EXPECT_EQ(fault.param, "input[0].content");
}

TEST(OpenAiResponses, AReferenceNeedsNoType) {
  const Request r = decoded(decode_input(R"([{"role":"user","content":"a"},{"id":"msg_9"},
    {"type":null,"id":"msg_8"},{"role":"user","content":"b"}])"));
  ASSERT_EQ(r.items.size(), 3u);
  EXPECT_EQ(std::get<Text>(r.items[1].parts.at(0)).text, "[item_reference left out]");
}

TEST(OpenAiResponses, TruncationIsRepeatedAndCounted) {
  const Request r = decoded(decode(R"(,"truncation":"auto")"));
  EXPECT_EQ(r.repeated["truncation"], "auto");
  EXPECT_EQ(r.ignored, std::vector<std::string>{"truncation"}) << "nothing is left out of a long input";
  EXPECT_EQ(decoded(decode("")).repeated["truncation"], "disabled");
}

TEST(OpenAiCompaction, TheSummaryHasNoForm) {
  const Request r = decoded(openai_compaction().decode(json_of(R"({"input":"hi","stop":["x"],"top_logprobs":2,
    "text":{"format":{"type":"json_object"}},"stream":true,"tools":[{"type":"function","name":"f"}]})")));
  EXPECT_FALSE(r.structure);
  EXPECT_TRUE(r.stop.empty() && r.tools.empty());
  EXPECT_EQ(r.logprobs, -1);
  EXPECT_FALSE(r.stream);
}

TEST(OpenAiCompaction, KeptMessagesHaveTheFormOfOutputItems) {
  const Json list = json_of(R"([{"type":"input_text","text":"b"}])");
  const Json kept = json_of(R"([{"role":"user","content":"a"},
    {"type":"message","role":"user","id":"msg_7","content":[{"type":"input_text","text":"b"}]}])");
  Envelope e;
  e.id = "1";
  e.repeated = Json{{"kept", kept}};
  const Json output = openai_compaction().body(e, Answer(1), Tally(1, 1))["output"];
  ASSERT_EQ(output.size(), 3u);
  EXPECT_EQ(output[0], json_of(R"({"role":"user","content":[{"type":"input_text","text":"a"}],
    "type":"message","status":"completed","id":"msg_1_0"})"));
  EXPECT_EQ(output[1]["id"], "msg_7");
  EXPECT_EQ(output[1]["content"], list);
  EXPECT_EQ(output[2]["type"], "compaction");
}

TEST(OpenAiResponses, AFaultBeforeTheStartStillBeginsTheResponse) {
  const Envelope e = answering(decoded(decode(R"(,"service_tier":"flex")")));
  const auto sent =
      frames(dialect(), e, {event(ApiError{.kind = ApiError::Kind::internal, .message = "gone"})});
  ASSERT_EQ(sent.size(), 3u);
  const char* types[] = {"response.created", "response.in_progress", "response.failed"};
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(sent[i]["type"], types[i]);
    EXPECT_EQ(sent[i]["sequence_number"], i);
  }
  EXPECT_EQ(sent[0]["response"]["service_tier"], "flex");
}

TEST(OpenAiResponses, LogprobsBelongToTheirItems) {
  Envelope e = answering(decoded(decode(R"(,"include":["message.output_text.logprobs"])")));
  TokenLogprob a, b;
  a.token = a.bytes = "a";
  b.token = b.bytes = "b";
  std::vector<Event> events{started(0, 3),
                            event(Event::Delta{"a", {a}}),
                            event(Event::CallBegun{0, "x", "f"}),
                            event(Event::CallEnded{0}),
                            event(Event::Delta{"b", {b}}),
                            finished(0, Finish::stop, 3, 3)};
  const Json output = whole(dialect(), e, events)["output"];
  EXPECT_EQ(output[0]["content"][0]["logprobs"].size(), 1u);
  EXPECT_EQ(output[2]["content"][0]["logprobs"][0]["token"], "b");
  EXPECT_TRUE(output[2]["content"][0]["logprobs"][0].contains("bytes"));
  for (const Json& sent : frames(dialect(), e, events))
    for (const Json& token : sent.value("logprobs", Json::array()))
      EXPECT_FALSE(token.contains("bytes")) << sent;
}

// Some clients run a call at its end, and ask again if the answer breaks: the last call must not end before the answer.
TEST(OpenAiResponses, TheLastCallEndsWithTheAnswer) {
  const Envelope e = answering(decoded(decode("")));
  std::vector<Event> events{started(0, 3), event(Event::CallBegun{0, "x", "f"}),
                            event(Event::CallArguments{0, "{}"}), event(Event::CallEnded{0})};
  const auto ends = [&](const std::vector<Event>& sent) {
    return std::ranges::count_if(frames(dialect(), e, sent),
                                 [](const Json& f) { return f["type"] == "response.output_item.done"; });
  };
  EXPECT_EQ(ends(events), 0);
  std::vector<Event> broken = events;
  broken.push_back(event(ApiError{.kind = ApiError::Kind::internal, .message = "broken"}));
  EXPECT_EQ(ends(broken), 0);
  events.push_back(finished(0, Finish::tool_calls, 3, 3));
  EXPECT_EQ(ends(events), 1);
}

TEST(OpenAiResponses, CustomInputs) {
  EXPECT_EQ(custom_input(custom_arguments("a\n\"b\"")), "a\n\"b\"");
  EXPECT_EQ(custom_input("not JSON"), "not JSON");
  EXPECT_EQ(custom_input("[1]"), "[1]");
  EXPECT_EQ(custom_input("{\"input\":1}"), "{\"input\":1}");
}

}  // namespace
}  // namespace autark::api
