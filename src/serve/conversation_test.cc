// Goal: a request's items reach a chat template as messages, tools and settings that it knows. Method:
// requests against the JSON that the template is given.
#include "serve/conversation.h"
#include <gtest/gtest.h>
#include "api/dialect.h"

namespace autark::serve {
namespace {

using text::OutputSyntax;

constexpr TemplateTraits kObjects{OutputSyntax::hermes, true, false};
constexpr TemplateTraits kTexts{OutputSyntax::dsml, true, true, true};

api::Request with_a_call() {
  api::Request r;
  r.items = {
      {api::Role::user, {api::Text{"hi"}}},
      {api::Role::assistant,
       {api::Reasoning{"hm"}, api::Text{"let"}, api::Text{"me"}, api::ToolCall{"1", "f", "{\"x\":  1e2}"}}},
      {api::Role::user,
       {api::ToolResult{"1", {{"a"}, {"b"}}, false}, api::ToolResult{"2", {{"no"}}, true},
        api::Text{"so?"}}}};
  r.tools = {{"f", Json{{"name", "f"}, {"parameters", {{"z", 1}, {"a", 2}}}}}};
  return r;
}

std::string messages(const api::Request& r, const TemplateTraits& traits) {
  std::string out;
  for (const Json& m : conversation_of(r, {}, traits).messages) out += dump_json(m) + "\n";
  return out;
}

TEST(Conversation, WhatWasSampledStandsBesideItsMessage) {
  api::Request r = with_a_call();
  r.items[1].sampled = SampledTurn{{"hm</think>", {7, 8}}, {"raw", {9}}, true};
  std::swap(r.items[0], r.items[2]);  // three messages, the assistant's, one more
  const text::Conversation c = conversation_of(r, {}, kTexts);
  ASSERT_EQ(c.messages.size(), 5u);
  ASSERT_EQ(c.sampled.size(), 5u);
  for (size_t i = 0; i < c.sampled.size(); ++i) EXPECT_EQ(c.sampled[i].has_value(), i == 3);
  EXPECT_EQ(c.sampled[3]->reasoning.text, "hm</think>");
  EXPECT_EQ(c.sampled[3]->answer.ids, std::vector<int32_t>{9});
  EXPECT_TRUE(c.sampled[3]->in_reasoning);
}

// The template of Kimi K2 writes ids as they are, and the model reads names from them.
TEST(Conversation, IdsSayNameAndNumberWhereTheModelReadsThem) {
  const std::string all = messages(with_a_call(), {OutputSyntax::kimi_k2, true, false});
  EXPECT_NE(all.find(R"("tool_calls":[{"id":"functions.f:0")"), all.npos) << all;
  EXPECT_NE(all.find(R"("tool_call_id":"functions.f:0")"), all.npos) << all;
  EXPECT_NE(all.find(R"("tool_call_id":"2")"), all.npos) << "a result without a call keeps its id";
}

TEST(Conversation, CallsAndResultsAreMessages) {
  EXPECT_EQ(messages(with_a_call(), kTexts), R"({"role":"user","content":"hi"}
{"role":"assistant","content":"let\n\nme","reasoning_content":"hm","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":"{\"x\":  1e2}"}}]}
{"role":"tool","tool_call_id":"1","content":"a\n\nb"}
{"role":"tool","tool_call_id":"2","content":"Error: no"}
{"role":"user","content":"so?"}
)");
  EXPECT_EQ(messages(with_a_call(), kObjects), R"({"role":"user","content":"hi"}
{"role":"assistant","content":"let\nme","reasoning_content":"hm","tool_calls":[{"id":"1","type":"function","function":{"name":"f","arguments":{"x":100.0}}}]}
{"role":"tool","tool_call_id":"1","content":"a\nb"}
{"role":"tool","tool_call_id":"2","content":"Error: no"}
{"role":"user","content":"so?"}
)");
}

// Arguments that a client sends as an object and as text reach every template in the same form.
TEST(D2_ArgumentsAsAnObject, AreThoseOfTheSameText) {
  const auto asked = [](const std::string& arguments, const TemplateTraits& traits) {
    const auto body = parse_json(
        R"({"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":null,"tool_calls":[
            {"id":"1","type":"function","function":{"name":"f","arguments":)" +
            arguments + R"(}}]},{"role":"tool","tool_call_id":"1","content":"r"}]})",
        "body");
    const auto decoded = api::openai_chat().decode(*body);
    EXPECT_TRUE(std::holds_alternative<api::Request>(decoded)) << arguments;
    return messages(std::get<api::Request>(decoded), traits);
  };
  for (const char* object : {R"({})", R"({"z": 1, "a": {"b": [1.5, null, "\u00e9\n\"", {}]}})",
                             R"({"n": 18446744073709551616, "": false})"}) {
    const auto text = dump_json(*parse_json(object, "object"), JsonStyle::roomy);
    for (const TemplateTraits& traits : {kObjects, kTexts})
      EXPECT_EQ(asked(object, traits), asked(dump_json(Json(text)), traits)) << object;
  }
}

TEST(Conversation, EmptyTurnsStay) {
  const api::Request r{.items = {{api::Role::user, {}}, {api::Role::assistant, {}}}};
  EXPECT_EQ(messages(r, kTexts),
            "{\"role\":\"user\",\"content\":\"\"}\n{\"role\":\"assistant\",\"content\":\"\"}\n");
}

TEST(Conversation, ToolsAreGivenUnlessTheChoiceIsNone) {
  api::Request r = with_a_call();
  EXPECT_EQ(dump_json(*conversation_of(r, {}, kTexts).tools),
            R"([{"type":"function","function":{"name":"f","parameters":{"z":1,"a":2}}}])");
  r.tool_choice.mode = api::ToolChoice::Mode::none;
  EXPECT_FALSE(conversation_of(r, {}, kTexts).tools);
}

std::string reasoning(api::Request r, ReasoningDefaults usual, const TemplateTraits& traits = kTexts) {
  r.template_kwargs["add_generation_prompt"] = true;
  Json kwargs = conversation_of(r, usual, traits).kwargs;
  kwargs.erase("add_generation_prompt");
  return dump_json(kwargs);
}

TEST(Conversation, ThinkingInEverySpelling) {
  EXPECT_EQ(reasoning({}, {}), "{}");
  const std::string on = R"("enable_thinking":true,"thinking":true,"thinking_mode":"thinking")";
  const std::string off = R"({"enable_thinking":false,"thinking":false,"thinking_mode":"chat"})";
  EXPECT_EQ(reasoning({.thinking = true}, {}), "{" + on + "}");
  EXPECT_EQ(reasoning({.thinking = false, .effort = "high"}, {}), off) << "no effort without thinking";
  EXPECT_EQ(reasoning({}, {.thinking = false}), off) << "the server's default";
  EXPECT_EQ(reasoning({.thinking = true}, {.thinking = false}), "{" + on + "}")
      << "the request's word counts";
  EXPECT_EQ(reasoning({.template_kwargs = {{"enable_thinking", false}}, .thinking = true}, {}), off)
      << "template arguments are the most exact word";
  EXPECT_EQ(reasoning({.thinking = true}, {.effort = "max"}), "{" + on + R"(,"reasoning_effort":"max"})");
}

TEST(Conversation, EffortsOfV4) {
  const std::pair<const char*, const char*> levels[] = {{"minimal", "low"}, {"low", "low"},
                                                        {"medium", "high"}, {"high", "high"},
                                                        {"xhigh", "high"},  {"max", "max"}};
  for (const auto& [asked, given] : levels) {
    EXPECT_EQ(reasoning({.effort = asked}, {}), R"({"reasoning_effort":")" + std::string(given) + "\"}");
    EXPECT_EQ(reasoning({.effort = asked}, {}, kObjects),
              R"({"reasoning_effort":")" + std::string(asked) + "\"}");
  }
}

TEST(Conversation, ThePreviewsLeastEffortIsHigh) {
  const TemplateTraits preview{OutputSyntax::dsml, true, true, false};
  for (const char* asked : {"minimal", "low"})
    EXPECT_EQ(reasoning({.effort = asked}, {}, preview), R"({"reasoning_effort":"high"})");
}

TEST(Conversation, EffortsOfHy3) {
  const TemplateTraits hy3{.syntax = OutputSyntax::hy3_opensource};
  const std::pair<const char*, const char*> levels[] = {
      {"minimal", "low"}, {"low", "low"}, {"medium", "high"}, {"high", "high"}, {"max", "high"}};
  for (const auto& [asked, given] : levels)
    EXPECT_EQ(reasoning({.effort = asked}, {}, hy3), R"({"reasoning_effort":")" + std::string(given) + "\"}");
  EXPECT_NE(reasoning({.thinking = true}, {}, hy3).find(R"("reasoning_effort":"high")"), std::string::npos);
  EXPECT_EQ(reasoning({}, {}, hy3), "{}") << "without thinking";
}

// "name arguments;" for each call, whatever the arguments are.
class Tooled final : public text::ChatTemplate {
 public:
  explicit Tooled(bool tools, bool quotes) : tools_(tools), quotes_(quotes) {}
  Result<text::Prompt> render(const text::Conversation& c) const override {
    text::Prompt p;
    if (quotes_ && c.kwargs.contains("reasoning_effort")) return Error{Code::invalid, "no efforts"};
    if (c.tools && tools_) p.text += dump_json(*c.tools);
    for (const Json& m : c.messages)
      if (m.contains("tool_calls")) {
        const Json& a = m["tool_calls"][0]["function"]["arguments"];
        p.text += a.is_string() && !quotes_ ? a.get<std::string>() : dump_json(a);
      }
    return p;
  }
  const bool tools_, quotes_;
};

TEST(TemplateTraits, AreFoundByRendering) {
  EXPECT_FALSE(traits_of(Tooled(false, false)).takes_tools);
  EXPECT_TRUE(traits_of(Tooled(true, false)).takes_tools);
  EXPECT_TRUE(traits_of(Tooled(true, false)).arguments_as_text);
  EXPECT_FALSE(traits_of(Tooled(true, true)).arguments_as_text) << "a text would be quoted as a string";
  EXPECT_TRUE(traits_of(Tooled(true, false)).low_effort);
  EXPECT_FALSE(traits_of(Tooled(true, true)).low_effort);
}

}  // namespace
}  // namespace autark::serve
