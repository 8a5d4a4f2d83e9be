// Goal: the Messages dialect decodes requests and encodes answers. Method: bodies as clients send them;
// scripted events against the exact stream; the joined stream against the whole body.
#include <algorithm>
#include "api/testing.h"

namespace autark::api {
namespace {

ApiResult<Request> decode(std::string_view body) {
  return anthropic_messages().decode(json_of(body));
}
ApiResult<Request> with(std::string_view rest) {
  return decode(R"({"model":"m","max_tokens":9,"messages":[{"role":"user","content":"hi"}])" +
                std::string(rest) + "}");
}

TEST(Anthropic, ReadsAConversation) {
  const Request r = decoded(decode(R"({"model":"m","max_tokens":9,
    "system":[{"type":"text","text":"a","cache_control":{"type":"ephemeral"}},{"type":"text","text":"b"}],
    "messages":[{"role":"user","content":"hi"},
      {"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},{"type":"text","text":"yo"}]},
      {"role":"system","content":"mid"},{"role":"user","content":[{"type":"text","text":"go"}]}],
    "stop_sequences":["x"],"temperature":1,"top_k":5,"top_p":0.5,"metadata":{"user_id":"u"},"stream":true,
    "thinking":{"type":"adaptive"},"output_config":{"effort":"low"},"context_management":{},"tool_choice":{"type":"auto"}})"));
  ASSERT_EQ(r.items.size(), 5u);
  EXPECT_EQ(r.items[0].role, Role::system);
  EXPECT_EQ(r.items[0].parts.size(), 2u);
  ASSERT_EQ(r.items[2].parts.size(), 2u);
  EXPECT_EQ(std::get<Reasoning>(r.items[2].parts[0]).text, "t");
  EXPECT_EQ(std::get<Text>(r.items[2].parts[1]).text, "yo");
  EXPECT_EQ(r.thinking, true);
  EXPECT_EQ(r.effort, "low");
  EXPECT_EQ(r.items[3].role, Role::system);
  EXPECT_EQ(r.max_tokens, 9);
  EXPECT_EQ(r.stop, std::vector<std::string>{"x"});
  EXPECT_EQ(r.user, "u");
  EXPECT_TRUE(r.stream);
  EXPECT_FALSE(r.template_kwargs.contains("continue_final_message"));
  EXPECT_TRUE(r.ignored.empty()) << r.ignored.front();
}

TEST(Anthropic, AUsersIdMayBeAnObject) {
  EXPECT_EQ(decoded(with(R"(,"metadata":{"user_id":{"device_id":"d","session_id":"s"}})")).user,
            R"({"device_id":"d","session_id":"s"})");
}

TEST(Anthropic, ALastAssistantTurnIsContinued) {
  const Request r = decoded(decode(R"({"max_tokens":9,"messages":[{"role":"user","content":"hi"},
                                       {"role":"assistant","content":"I th"}]})"));
  EXPECT_EQ(r.template_kwargs["continue_final_message"], true);
}

TEST(Anthropic, RefusesByName) {
  const std::pair<const char*, const char*> bad[] = {
      {R"(,"tools":[{"name":"x"}])", "tools.0.input_schema"},
      {R"(,"tools":[{"input_schema":{}}])", "tools.0.name"},
      {R"(,"tools":[{"type":"web_search_20250305","name":"web_search"}],"tool_choice":{"type":"any"})",
       "tool_choice"},
      {R"(,"tools":[{"type":"web_search_20250305","name":"web_search"}],"tool_choice":{"type":"tool","name":"web_search"})",
       "tool_choice"},
      {R"(,"tools":[{"type":"bash_20250124"}])", "tools.0.name"},
      {R"(,"tool_choice":{"type":"any"})", "tool_choice"},
      {R"(,"tools":[{"name":"x","input_schema":{}}],"tool_choice":{"type":"tool","name":"y"})",
       "tool_choice"},
      {R"(,"tool_choice":{"type":"some"})", "tool_choice.type"},
      {R"(,"thinking":{"type":"much"})", "thinking.type"},
      {R"(,"output_config":{"effort":"heroic"})", "output_config.effort"},
      {R"(,"output_config":{"format":{"type":"json_schema"}})", "output_config.format.schema"},
      {R"(,"temperature":1.5)", "temperature"},
      {R"(,"system":[{"type":"image"}])", "system.0"},
      {R"(,"system":7)", "system"},
      {R"(,"metadata":{"user_id":7})", "metadata.user_id"},
      {R"(,"mcp_servers":[{}])", "mcp_servers"},
      {R"(,"stream":1)", "stream"},
  };
  for (const auto& [field, param] : bad) EXPECT_EQ(fault_of(with(field)).param, param) << field;
  EXPECT_EQ(fault_of(decode(R"({"messages":[{"role":"user","content":"hi"}]})")).param, "max_tokens");
  EXPECT_EQ(
      fault_of(decode(R"({"max_tokens":1,"messages":[{"role":"user","content":[{"type":"tool_result"}]}]})"))
          .param,
      "messages.0.content.0.tool_use_id");
  EXPECT_EQ(fault_of(decode(R"({"max_tokens":1,"messages":[{"role":"tool","content":""}]})")).param,
            "messages.0.role");
  EXPECT_EQ(fault_of(decode(R"({"max_tokens":1,"messages":[]})")).param, "messages");
}

TEST(Anthropic, ReadsToolsAndWhatCameOfThem) {
  const Request r = decoded(decode(R"({"max_tokens":9,"thinking":{"type":"enabled","budget_tokens":2048},
    "tools":[{"name":"weather","input_schema":{"type":"object","properties":{"z":{},"a":{}}},"description":"says",
              "cache_control":{"type":"ephemeral"},"strict":true}],
    "tool_choice":{"type":"tool","name":"weather","disable_parallel_tool_use":true},
    "messages":[{"role":"user","content":"hi"},
      {"role":"assistant","content":[{"type":"thinking","thinking":"t","signature":"s"},
        {"type":"redacted_thinking","data":"x"},{"type":"text","text":"yo"},
        {"type":"tool_use","id":"toolu_1","name":"weather","input":{"b":1.50,"a":"\u4f60"}}]},
      {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"wet","is_error":true},
        {"type":"tool_result","tool_use_id":"toolu_2","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},
        {"type":"tool_result","tool_use_id":"toolu_3"},{"type":"text","text":"so?"}]}]})"));
  ASSERT_EQ(r.tools.size(), 1u);
  EXPECT_EQ(r.tools[0].name, "weather");
  EXPECT_EQ(
      dump_json(r.tools[0].function),
      R"({"name":"weather","description":"says","parameters":{"type":"object","properties":{"z":{},"a":{}}}})");
  EXPECT_EQ(r.tool_choice.mode, ToolChoice::Mode::named);
  EXPECT_EQ(r.tool_choice.name, "weather");
  EXPECT_FALSE(r.parallel_calls);
  EXPECT_EQ(r.thinking, true);
  EXPECT_EQ(r.thinking_budget, 2048);
  EXPECT_TRUE(r.tools[0].strict);
  EXPECT_TRUE(r.ignored.empty());
  ASSERT_EQ(r.items.size(), 3u);
  ASSERT_EQ(r.items[1].parts.size(), 3u);
  const auto& call = std::get<ToolCall>(r.items[1].parts[2]);
  EXPECT_EQ(call.id, "toolu_1");
  EXPECT_EQ(call.arguments, "{\"b\":1.5,\"a\":\"\u4f60\"}");
  ASSERT_EQ(r.items[2].parts.size(), 4u);
  const auto& first = std::get<ToolResult>(r.items[2].parts[0]);
  EXPECT_TRUE(first.error && first.call == "toolu_1" && first.parts.at(0).text == "wet");
  EXPECT_EQ(std::get<ToolResult>(r.items[2].parts[1]).parts.size(), 2u);
  EXPECT_TRUE(std::get<ToolResult>(r.items[2].parts[2]).parts.empty());
}

TEST(Anthropic, ThinkingAndToolChoice) {
  EXPECT_EQ(decoded(with(R"(,"thinking":{"type":"disabled"},"output_config":{"effort":"max"})")).thinking,
            false);
  EXPECT_FALSE(decoded(with(R"(,"output_config":{"effort":"high"})")).thinking)
      << "effort alone says nothing";
  const char* tools = R"(,"tools":[{"name":"x","input_schema":{}}],"tool_choice":{"type":")";
  const std::pair<const char*, ToolChoice::Mode> modes[] = {{"auto", ToolChoice::Mode::automatic},
                                                            {"any", ToolChoice::Mode::required},
                                                            {"none", ToolChoice::Mode::none}};
  for (const auto& [word, mode] : modes)
    EXPECT_EQ(decoded(with(tools + std::string(word) + "\"}")).tool_choice.mode, mode) << word;
}

TEST(Anthropic, ToolsThatTheClientRunsHaveTheirPublishedSchema) {
  const Request r = decoded(with(R"(,"tools":[{"type":"bash_20250124","name":"bash"},
    {"type":"text_editor_20250728","name":"str_replace_based_edit_tool","max_characters":9},
    {"type":"text_editor_20250124","name":"str_replace_editor"},{"type":"memory_20250818","name":"memory"},
    {"type":"web_search_20250305","name":"web_search","max_uses":3},{"type":"code_execution_20250825","name":"c"}])"));
  ASSERT_EQ(r.tools.size(), 4u);
  EXPECT_EQ(r.tools[0].function["name"], "bash");
  EXPECT_TRUE(r.tools[0].function["parameters"]["properties"].contains("restart"));
  const auto commands = [&](size_t i) {
    return dump_json(r.tools[i].function["parameters"]["properties"]["command"]["enum"]);
  };
  EXPECT_EQ(commands(1), R"(["view","create","str_replace","insert"])");
  EXPECT_EQ(commands(2), R"(["view","create","str_replace","insert","undo_edit"])");
  EXPECT_EQ(commands(3), R"(["view","create","str_replace","insert","delete","rename"])");
  EXPECT_TRUE(r.tools[1].function["parameters"]["properties"].contains("insert_text"));
  EXPECT_FALSE(r.tools[2].function["parameters"]["properties"].contains("insert_text"));
  EXPECT_EQ(r.ignored,
            (std::vector<std::string>{"tools.web_search_20250305", "tools.code_execution_20250825"}));
}

TEST(Anthropic, BlocksBelongToRoles) {
  const std::pair<const char*, const char*> bad[] = {
      {R"({"role":"user","content":[{"type":"thinking","thinking":""}]})", "messages.0.content.0"},
      {R"({"role":"user","content":[{"type":"tool_use","id":"1","name":"x","input":{}}]})",
       "messages.0.content.0"},
      {R"({"role":"assistant","content":[{"type":"tool_result","tool_use_id":"1"}]})",
       "messages.0.content.0"},
      {R"({"role":"assistant","content":[{"type":"tool_use","id":"1","name":"x","input":[]}]})",
       "messages.0.content.0.input"},
      {R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":[{"text":"a"}]}]})",
       "messages.0.content.0.content.0.type"},
      {R"({"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":7}]})",
       "messages.0.content.0.content"},
  };
  for (const auto& [message, param] : bad)
    EXPECT_EQ(fault_of(decode(R"({"max_tokens":1,"messages":[)" + std::string(message) + "]}")).param, param)
        << message;
}

TEST(Anthropic, WhatAServersToolLeftIsALine) {
  const Request r = decoded(decode(R"({"max_tokens":1,"messages":[{"role":"user","content":"a"},
    {"role":"assistant","content":[{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{}},
    {"type":"web_search_tool_result","tool_use_id":"srvtoolu_1","content":[]},{"type":"text","text":"b"}]},
    {"role":"user","content":[{"type":"container_upload","file_id":"f"},{"type":"text","text":"c"}]}]})"));
  ASSERT_EQ(r.items.at(1).parts.size(), 3u);
  EXPECT_EQ(std::get<Text>(r.items.at(2).parts.at(0)).text, "[container_upload left out]");
  EXPECT_EQ(std::get<Text>(r.items[1].parts[0]).text, "[server_tool_use web_search left out]");
  EXPECT_EQ(std::get<Text>(r.items[1].parts[1]).text, "[web_search_tool_result left out]");
  const Request later =
      decoded(decode(R"({"max_tokens":1,"messages":[{"role":"user","content":[{"type":"later"}]},
    {"role":"assistant","content":[{"type":"compaction","content":"x"}]},{"role":"user","content":"c"}]})"));
  EXPECT_EQ(std::get<Text>(later.items.at(0).parts.at(0)).text, "[later left out]");
  EXPECT_EQ(std::get<Text>(later.items.at(1).parts.at(0)).text, "[compaction left out]");
}

TEST(Anthropic, DocumentsAndSearchResultsThatAreTextAreRead) {
  const std::pair<const char*, const char*> blocks[] = {
      {R"({"type":"document","title":"T","source":{"type":"text","media_type":"text/plain","data":"a\nb"}})",
       "T\na\nb"},
      {R"({"type":"document","source":{"type":"content","content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]}})",
       "a\nb"},
      {R"({"type":"search_result","source":"http://x","title":"T","content":[{"type":"text","text":"a"}]})",
       "T\nhttp://x\na"},
  };
  for (const auto& [block, text] : blocks) {
    const std::string all(block);
    const Request r =
        decoded(decode(R"({"max_tokens":1,"messages":[{"role":"user","content":[)" + all +
                       R"(]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"1","content":[)" +
                       all + "]}]}]}"));
    EXPECT_EQ(std::get<Text>(r.items.at(0).parts.at(0)).text, text) << block;
    EXPECT_EQ(std::get<ToolResult>(r.items.at(1).parts.at(0)).parts.at(0).text, text) << block;
  }
  EXPECT_EQ(fault_of(decode(R"({"max_tokens":1,"messages":[{"role":"user","content":[{"type":"document",)"
                            R"("source":{"type":"base64","media_type":"application/pdf","data":"x"}}]}]})"))
                .param,
            "messages.0.content.0");
}

TEST(Anthropic, TakesTheFormsOfVllm) {
  EXPECT_EQ(decoded(with(R"(,"guided_regex":"a+")")).structure.value().kind, Structure::Kind::regex);
  const Request r = decoded(with(R"(,"structured_outputs":{"choice":["a","b"]})"));
  EXPECT_EQ(r.structure.value().choices, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(fault_of(with(R"(,"guided_regex":"a","output_config":{"format":{"type":"json_object"}})")).param,
            "guided_regex");
}

TEST(Anthropic, CountingNeedsNoMaxTokens) {
  decoded(decode_count_tokens(json_of(R"({"model":"m","messages":[{"role":"user","content":"hi"}]})")));
}

TEST(Anthropic, StreamsTheseBytes) {
  EXPECT_EQ(played(anthropic_messages(), envelope(),
                   {started(0, 3), delta(0, "", 3, 1), delta(0, "He", 3, 2), delta(0, "y", 3, 3),
                    finished(0, Finish::stop_sequence, 3, 4, "\n\n")}),
            R"(event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"He"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"y"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"stop_sequence","stop_sequence":"\n\n"},"usage":{"input_tokens":3,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":4}}

event: message_stop
data: {"type":"message_stop"}

)");
}

TEST(Anthropic, StreamsThinkingTextAndCalls) {
  EXPECT_EQ(played(anthropic_messages(), envelope(), thought_and_called()), R"(event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":3,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":0}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":"","signature":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"Hm"}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"m."}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"signature_delta","signature":"autark1"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Look:"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_a","name":"f","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"x\": 1}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":2}

event: content_block_start
data: {"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"toolu_b","name":"g","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":3,"delta":{"type":"input_json_delta","partial_json":"{}"}}

event: content_block_stop
data: {"type":"content_block_stop","index":3}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"input_tokens":3,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":9,"output_tokens_details":{"thinking_tokens":2}}}

event: message_stop
data: {"type":"message_stop"}

)");
}

TEST(Anthropic, AnswersThinkingTextAndCalls) {
  const Json body = whole(anthropic_messages(), envelope(), thought_and_called());
  EXPECT_EQ(
      dump_json(body["content"]),
      R"([{"type":"thinking","thinking":"Hmm.","signature":"autark1"},{"type":"text","text":"Look:"},{"type":"tool_use","id":"toolu_a","name":"f","input":{"x":1}},{"type":"tool_use","id":"toolu_b","name":"g","input":{}}])");
  EXPECT_EQ(body["stop_reason"], "tool_use");
}

TEST(Anthropic, CallsThatAreCutOrNoJson) {
  std::vector<Event> cut = cut_call("{\"x\": ", Finish::length);
  EXPECT_EQ(whole(anthropic_messages(), envelope(), cut)["content"][0]["input"], Json::object());
  EXPECT_EQ(whole(anthropic_messages(), envelope(), cut_call("{\"x\": ", Finish::stop))["content"],
            Json::array())
      << "the model stopped before it had called";
  cut.insert(cut.end() - 1, event(Event::CallEnded{0}));
  EXPECT_EQ(dump_json(whole(anthropic_messages(), envelope(), cut)["content"][0]["input"]),
            R"({"arguments":"{\"x\": "})");
}

std::string streamed_input(const std::vector<Event>& events) {
  std::string json;
  for (const Json& f : frames(anthropic_messages(), envelope(), events))
    if (f["type"] == "content_block_delta" && f["delta"]["type"] == "input_json_delta")
      json += f["delta"]["partial_json"];
  return json;
}

// The streamed input joins to the input of the whole answer, for any arguments.
TEST(F03_Input, IsAnObjectStreamedAndWhole) {
  for (const std::string arguments :
       {R"({"x":  [1, "é"]})", R"({"x": 1, "x": 2})", "{}", R"({"x": tru!})", "[1, 2]", "7", R"("text")",
        "null", R"({"x": 1e999})", R"({"x": "\d"} y)", ""}) {
    std::vector<Event> events = cut_call(arguments, Finish::tool_calls);
    events.insert(events.end() - 1, event(Event::CallEnded{0}));
    const Json input = whole(anthropic_messages(), envelope(), events)["content"][0]["input"];
    ASSERT_TRUE(input.is_object()) << arguments;
    EXPECT_EQ(dump_json(json_of(streamed_input(events))), dump_json(input)) << arguments;
    const auto read = parse_json(arguments, "");
    const Json as_written{{"arguments", arguments}};
    EXPECT_EQ(dump_json(input), dump_json(read && read->is_object() ? *read : as_written));
  }
}

TEST(F03_Input, OfACutCallGoesAsFarAsItCame) {
  EXPECT_EQ(streamed_input(cut_call("{\"x\": ", Finish::length)), "{\"x\": ");
}

TEST(G1_LongIntegers, StayNumbersInTheInputOfACall) {
  std::vector<Event> events = cut_call("{\"x\": 18446744073709551616}", Finish::tool_calls);
  events.insert(events.end() - 1, event(Event::CallEnded{0}));
  EXPECT_EQ(dump_json(whole(anthropic_messages(), envelope(), events)["content"][0]["input"]),
            R"({"x":18446744073709551616})");
}

// Some clients run a call at its end, and ask again if the answer breaks: the last call must not end before the answer.
TEST(Anthropic, TheLastCallEndsWithTheAnswer) {
  std::vector<Event> events = cut_call("{}", Finish::tool_calls);
  events.insert(events.end() - 1, event(Event::CallEnded{0}));
  const auto ends = [](const std::vector<Event>& sent) {
    return std::ranges::count_if(frames(anthropic_messages(), envelope(), sent),
                                 [](const Json& f) { return f["type"] == "content_block_stop"; });
  };
  EXPECT_EQ(ends(events), 1);
  events.pop_back();
  EXPECT_EQ(ends(events), 0);
  events.push_back(event(ApiError{.kind = ApiError::Kind::internal, .message = "broken"}));
  EXPECT_EQ(ends(events), 0);
}

TEST(Anthropic, AnswersThisBody) {
  const std::pair<Finish, const char*> reasons[] = {{Finish::stop, "end_turn"},
                                                    {Finish::length, "max_tokens"},
                                                    {Finish::context, "model_context_window_exceeded"}};
  for (const auto& [why, reason] : reasons)
    EXPECT_EQ(
        dump_json(whole(anthropic_messages(), envelope(),
                        {started(0, 3), delta(0, "Hey", 3, 1), finished(0, why, 3, 2)})),
        R"({"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hey"}],"stop_reason":")" +
            std::string(reason) +
            R"(","stop_sequence":null,"usage":{"input_tokens":3,"cache_creation_input_tokens":0,"cache_read_input_tokens":0,"output_tokens":2}})");
}

TEST(Anthropic, AnEmptyAnswerHasNoBlocks) {
  const std::vector<Event> events{started(0, 3), finished(0, Finish::stop, 3, 1)};
  EXPECT_EQ(whole(anthropic_messages(), envelope(), events)["content"], Json::array());
  EXPECT_EQ(frames(anthropic_messages(), envelope(), events).size(), 3u);
}

TEST(Anthropic, CachedTokensAreNotInputTokens) {
  Event end = finished(0, Finish::stop, 10, 1);
  end.usage.cached_tokens = 8;
  const Json u = whole(anthropic_messages(), envelope(), {started(0, 10), end})["usage"];
  EXPECT_EQ(u["input_tokens"], 2);
  EXPECT_EQ(u["cache_read_input_tokens"], 8);
}

TEST(Anthropic, ErrorBodies) {
  const Reply r =
      anthropic_messages().error({.kind = ApiError::Kind::context_length, .tokens = 10, .limit = 8}, "req_1");
  EXPECT_EQ(r.status, 400);
  EXPECT_EQ(
      r.body,
      R"({"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 10 tokens > 8 maximum"},"request_id":"req_1"})");
  EXPECT_EQ(anthropic_messages().error({.kind = ApiError::Kind::overloaded}, "").status, 529);
  EXPECT_EQ(
      played(anthropic_messages(), envelope(), {{0, ApiError{ApiError::Kind::timeout, "slow"}, {}}}),
      "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"timeout_error\",\"message\":\"slow\"},"
      "\"request_id\":\"req_1\"}\n\n");
  EXPECT_EQ(anthropic_messages().keep_alive().data, R"({"type":"ping"})");
}

}  // namespace
}  // namespace autark::api
