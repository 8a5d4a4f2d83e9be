// Goal: calls and results are paired, a call without a result at the end of a conversation is a fault, and
// parts of a result that are not text are named. Method: bodies in both dialects against the expected request
// or fault.
#include "api/call_results.h"
#include "api/testing.h"

namespace autark::api {
namespace {

ApiResult<Request> chat(const std::string& messages) {
  return openai_chat().decode(json_of(R"({"messages":[{"role":"user","content":"hi"},)" + messages + "]}"));
}
ApiResult<Request> claude(const std::string& messages, bool counting = false) {
  const Json body = json_of(R"({"max_tokens":1,"system":"be","messages":[{"role":"user","content":"hi"},)" +
                            messages + "]}");
  return counting ? decode_count_tokens(body) : anthropic_messages().decode(body);
}

void is_missing(const ApiResult<Request>& decoded, const char* param, const char* call) {
  const ApiError f = fault_of(decoded);
  EXPECT_EQ(f.kind, ApiError::Kind::invalid);
  EXPECT_EQ(f.param, param);
  EXPECT_NE(f.message.find("the result of the call is missing"), std::string::npos) << f.message;
  EXPECT_NE(f.message.find(call), std::string::npos) << f.message;
}

constexpr const char* kUse = R"({"type":"tool_use","id":"toolu_1","name":"f","input":{}})";
constexpr const char* kCall = R"({"id":"call_1","type":"function","function":{"name":"f","arguments":"{}"}})";

TEST(F16_CallsAtTheEnd, AreMissingTheirResultInMessages) {
  const std::string use = kUse, other = R"({"type":"tool_use","id":"toolu_2","name":"g","input":{}})";
  for (const std::string& blocks : {use, R"({"type":"text","text":"So:"},)" + use, use + "," + other,
                                    R"({"type":"thinking","thinking":"t","signature":"s"},)" + use})
    for (const bool counting : {false, true})
      is_missing(claude(R"({"role":"assistant","content":[)" + blocks + "]}", counting), "messages.1",
                 "'f' (toolu_1)");
}

TEST(F16_CallsAtTheEnd, AreMissingTheirResultInChat) {
  const std::string call = kCall;
  for (const std::string& turn :
       {R"("content":null,"tool_calls":[)" + call + "]", R"("content":"So:","tool_calls":[)" + call + "]",
        R"("content":"So:","prefix":true,"tool_calls":[)" + call + "," + call + "]"})
    is_missing(chat(R"({"role":"assistant",)" + turn + "}"), "messages[1]", "'f' (call_1)");
  is_missing(chat(R"({"role":"assistant","tool_calls":[{"function":{"name":"f"}}]})"), "messages[1]", "'f'");
}

TEST(F16_CallsAtTheEnd, WhatLosesNothingIsTaken) {
  const std::string use = kUse, call = kCall;
  for (const std::string& rest :
       {std::string(R"({"role":"assistant","content":"I th"})"),
        R"({"role":"assistant","content":[)" + use + R"(]},
        {"role":"user","content":"leave it"})",
        R"({"role":"assistant","content":[)" + use + R"(,{"type":"tool_use","id":"toolu_2","name":"g"}]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1","content":"one of two"}]})",
        R"({"role":"assistant","content":[)" + use + R"(]},
        {"role":"user","content":[{"type":"tool_result","tool_use_id":"unknown","content":"r"}]})"})
    decoded(claude(rest));
  for (const std::string& rest : {std::string(R"({"role":"user","content":"leave it"})"),
                                  std::string(R"({"role":"tool","tool_call_id":"unknown","content":"r"})")})
    decoded(chat(R"({"role":"assistant","tool_calls":[)" + call + "]}," + rest));
}

// All calls and results in order, as "call>result".
std::string ids_of(const std::string& messages) {
  std::string ids;
  for (const Item& item : decoded(chat(messages)).items)
    for (const Part& p : item.parts) {
      if (const auto* c = std::get_if<ToolCall>(&p)) ids += c->id + " ";
      if (const auto* r = std::get_if<ToolResult>(&p)) ids += ">" + r->call + " ";
    }
  return ids;
}
std::string call(const char* id) {
  return R"({"id":)" + std::string(id) + R"(,"type":"function","function":{"name":"f","arguments":"{}"}})";
}
std::string turn(const std::string& calls) {
  return R"({"role":"assistant","content":null,"tool_calls":[)" + calls + "]}";
}
std::string result(const char* id) {
  return R"(,{"role":"tool","content":"r","tool_call_id":)" + std::string(id) + "}";
}

constexpr const char *kNull = "null", *kA = R"("a")", *kB = R"("b")";

TEST(D3_NullIds, AreMadeAndMatched) {
  EXPECT_EQ(ids_of(turn(call(kNull)) + result(kNull)), "call00001 >call00001 ");
  EXPECT_EQ(ids_of(turn(call(kNull) + "," + call(kNull)) + result(kNull) + result(kNull)),
            "call00001 call00002 >call00001 >call00002 ");
  EXPECT_EQ(ids_of(turn(call(kA)) + result(kNull)), "a >a ") << "the call's";
  EXPECT_EQ(ids_of(turn(call(kNull)) + result(kA)), "a >a ") << "the result's";
  EXPECT_EQ(ids_of(turn(call(kA) + "," + call(kNull)) + result(kNull) + result(kA)),
            "a call00001 >call00001 >a ")
      << "those that name each other belong together";
  EXPECT_EQ(ids_of(turn(call(kNull)) + result(kNull) + "," + turn(call(kNull)) + result(kNull)),
            "call00001 >call00001 call00002 >call00002 ");
  EXPECT_EQ(ids_of(turn(call(kA)) + "," + turn(call(kNull)) + result(kA) + result(kNull)),
            "a call00001 >a >call00001 ")
      << "two turns in a row";
  EXPECT_EQ(ids_of(turn(call(kNull)) + R"(,{"role":"user","content":"leave it"})"), "call00001 ");
  EXPECT_EQ(ids_of(R"({"role":"user","content":"x"})" + result(kNull)), ">call00001 ");
  EXPECT_EQ(ids_of(turn(call(kA)) + result(kB)), "a >b ") << "ids that are there stay";
  EXPECT_EQ(fault_of(chat(turn(call(kNull)) + R"(,{"role":"tool","content":"r"})")).param,
            "messages[2].tool_call_id")
      << "left out, not null";
}

TEST(D2_ArgumentsAsAnObject, AreReadAsText) {
  const auto arguments = [](const std::string& json) {
    const Request r = decoded(
        chat(turn(R"({"id":"a","function":{"name":"f","arguments":)" + json + "}}") + result(R"("a")")));
    return std::get<ToolCall>(r.items.at(1).parts.at(0)).arguments;
  };
  EXPECT_EQ(arguments(R"({"b":1.50,"a":["\u4f60",{}]})"), "{\"b\": 1.5, \"a\": [\"\u4f60\", {}]}");
  EXPECT_EQ(arguments("{}"), "{}");
  EXPECT_EQ(arguments("null"), "{}");
  EXPECT_EQ(arguments(R"("{\"b\":1.50}")"), R"({"b":1.50})") << "a text stays as it is";
  for (const char* wrong : {"[]", "7", "true", "18446744073709551616"})
    EXPECT_EQ(
        fault_of(chat(turn(R"({"id":"a","function":{"name":"f","arguments":)" + std::string(wrong) + "}}")))
            .param,
        "messages[1].tool_calls[0].function.arguments")
        << wrong;
}

TEST(D2_ArgumentsAsAnObject, AreReadAsTextInResponses) {
  const auto arguments = [](const std::string& json) {
    const Request r = decoded(openai_responses().decode(
        json_of(R"({"input":[{"role":"user","content":"hi"},{"type":"function_call","call_id":"a","name":"f",
                             "arguments":)" +
                json + R"(},{"type":"function_call_output","call_id":"a","output":"r"}]})")));
    return std::get<ToolCall>(r.items.at(1).parts.at(0)).arguments;
  };
  EXPECT_EQ(arguments(R"({"b":1.50,"a":["\u4f60",{}]})"), "{\"b\": 1.5, \"a\": [\"\u4f60\", {}]}");
  EXPECT_EQ(arguments("null"), "{}");
  EXPECT_EQ(arguments(R"("{\"b\":1.50}")"), R"({"b":1.50})") << "a text stays as it is";
}

std::string joined(const Request& r) {
  std::string text;
  for (const Text& t : std::get<ToolResult>(r.items.back().parts.at(0)).parts) text += t.text + "|";
  return text;
}

TEST(D6_WhatIsNoText, IsNamedInAResultOfMessages) {
  const auto read = [](const std::string& block) {
    return joined(
        decoded(claude(R"({"role":"assistant","content":[)" + std::string(kUse) +
                       R"(]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"toolu_1",
        "content":[{"type":"text","text":"a"},)" +
                       block + R"(,{"type":"text","text":"b"}]}]})")));
  };
  EXPECT_EQ(read(R"({"type":"image","source":{"type":"base64","media_type":"image/png","data":"x"}})"),
            "a|[image left out]|b|");
  EXPECT_EQ(read(R"({"type":"tool_reference","tool_name":"weather"})"),
            "a|[tool_reference weather left out]|b|");
  EXPECT_EQ(read(R"({"type":"document","title":"a\nb.pdf","source":{}})"),
            "a|[document a b.pdf left out]|b|");
  EXPECT_EQ(read(R"({"type":"document","title":null})"), "a|[document left out]|b|");
  std::string title;
  for (int i = 0; i < 60; ++i) title += "你";
  EXPECT_EQ(read(R"({"type":"document","title":")" + title + "\"}"),
            "a|[document " + title.substr(0, 78) + " left out]|b|")
      << "cut between characters";
}

TEST(D6_WhatIsNoText, IsNamedInAToolMessageOfChat) {
  const auto read = [](const std::string& part) {
    return joined(decoded(chat(turn(kCall) + R"(,{"role":"tool","tool_call_id":"call_1","content":[)" + part +
                               R"(,{"type":"text","text":"b"}]})")));
  };
  EXPECT_EQ(read(R"({"type":"image_url","image_url":{"url":"data:image/png;base64,x"}})"),
            "[image_url left out]|b|");
  EXPECT_EQ(read(R"({"type":"file","file":{"filename":"a.pdf"}})"), "[file a.pdf left out]|b|");
  EXPECT_EQ(read(R"({"type":"input_audio","input_audio":{}})"), "[input_audio left out]|b|");
}

TEST(D6_WhatIsNoText, IsRefusedElsewhere) {
  const std::string image = R"([{"type":"image","source":{}}])",
                    url = R"([{"type":"image_url","image_url":{}}])";
  EXPECT_EQ(fault_of(claude(R"({"role":"user","content":)" + image + "}")).param, "messages.1.content.0");
  EXPECT_EQ(fault_of(chat(R"({"role":"user","content":)" + url + "}")).param, "messages[1].content[0]");
  EXPECT_EQ(fault_of(chat(R"({"role":"assistant","content":)" + url + "}")).param, "messages[1].content[0]");
  EXPECT_EQ(
      fault_of(chat(turn(kCall) + R"(,{"role":"tool","tool_call_id":"call_1","content":[{"text":"b"}]})"))
          .param,
      "messages[2].content[0]");
}

}  // namespace
}  // namespace autark::api
