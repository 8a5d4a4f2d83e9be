// Goal: what a client gets of an answer's tokens. Method: answers as models write them, whole and cut at
// every byte, against what must come out; the rules of a request one by one; random answers under random
// rules, cut into tokens in several ways, against each other and against a search in the whole text.
#include "serve/answer_reader.h"
#include <gtest/gtest.h>
#include <random>
#include <variant>
#include "serve/fake_engine.h"

namespace autark::serve {
namespace {

using text::OutputSyntax;

constexpr const char* kHermes =
    "<think>\nHm.\n</think>\n\nLook:\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": "
    "1}}\n</tool_call>\n"
    "<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>";

const ByteTokenizer kBytes;

AnswerReader reader(AnswerReader::Rules rules) {
  return AnswerReader(kBytes, std::move(rules), [n = 0]() mutable { return "id" + std::to_string(n++); });
}

// "r:…" reasoning, "c:…" content, "f0(id0):…" a call, "!" at the end of a whole one.
std::string shown(const AnswerReader::Whats& whats) {
  std::string out, kind;
  const auto enter = [&](const std::string& now) {
    if (kind != now) out += "[" + now + "]";
    kind = now;
  };
  for (const auto& what : whats) {
    if (const auto* d = std::get_if<api::Event::Delta>(&what)) enter("c"), out += d->text;
    if (const auto* r = std::get_if<api::Event::Reasoned>(&what)) enter("r"), out += r->text;
    if (const auto* c = std::get_if<api::Event::CallBegun>(&what))
      enter(c->name + std::to_string(c->call) + " " + c->id);
    if (const auto* a = std::get_if<api::Event::CallArguments>(&what)) out += a->text;
    if (std::holds_alternative<api::Event::CallEnded>(what)) out += "!";
  }
  return out;
}

std::string read(AnswerReader& r, std::string_view text, size_t step, bool cut = false) {
  AnswerReader::Whats all = r.opening();
  const auto add = [&](AnswerReader::Whats more) {
    all.insert(all.end(), std::make_move_iterator(more.begin()), std::make_move_iterator(more.end()));
  };
  for (size_t at = 0; at < text.size(); at += step) add(r.push(ByteTokenizer::token(text.substr(at, step))));
  add(r.finish(cut));
  return shown(all);
}

void expect(AnswerReader::Rules rules, std::string_view text, const std::string& out,
            std::optional<api::Finish> ended = {}) {
  for (const size_t step : {size_t{1}, size_t{2}, size_t{7}, text.size()}) {
    AnswerReader r = reader(rules);
    EXPECT_EQ(read(r, text, step), out) << "in steps of " << step;
    EXPECT_EQ(r.ended(), ended);
  }
}

TEST(AnswerReader, TakesAnAnswerApart) {
  expect({.syntax = OutputSyntax::hermes}, kHermes, "[r]Hm.[c]Look:[f0 id0]{\"x\": 1}![g1 id1]{}!");
  expect({.syntax = OutputSyntax::plain}, "<think>a</think>", "[c]<think>a</think>");
  expect({.syntax = OutputSyntax::dsml, .in_reasoning = true}, "Hm.</think>Yes", "[r]Hm.[c]Yes");
}

TEST(AnswerReader, StopStringsEndContentOnly) {
  using api::Finish;
  const AnswerReader::Rules rules{.syntax = OutputSyntax::hermes,
                                  .stop = {"Hm", "arguments", "ok:", "x\": 1"}};
  expect(rules, kHermes, "[r]Hm.[c]Lo", Finish::stop_sequence);
  expect({.syntax = OutputSyntax::hermes, .stop = {"Hm", "\"x\""}}, kHermes,
         "[r]Hm.[c]Look:[f0 id0]{\"x\": 1}![g1 id1]{}!");
  expect({.syntax = OutputSyntax::hermes, .stop = {"ok:"}, .include_stop = true}, kHermes,
         "[r]Hm.[c]Look:", Finish::stop_sequence);
  AnswerReader r = reader(rules);
  read(r, kHermes, 3);
  EXPECT_EQ(r.stop_sequence(), "ok:");
  EXPECT_FALSE(r.called());
}

TEST(AnswerReader, HeldContentComesBeforeWhatFollows) {
  expect({.syntax = OutputSyntax::hermes, .stop = {":and more"}}, kHermes,
         "[r]Hm.[c]Look:[f0 id0]{\"x\": 1}![g1 id1]{}!");
  expect({.syntax = OutputSyntax::hermes, .stop = {"k:then"}},
         "Look:<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>then", "[c]Look:[f0 id0]{}![c]then");
}

TEST(AnswerReader, CallsThatAreNotWanted) {
  expect({.syntax = OutputSyntax::hermes, .parallel_calls = false}, kHermes,
         "[r]Hm.[c]Look:[f0 id0]{\"x\": 1}!", api::Finish::tool_calls);
}

TEST(F02_CallsThatAreNotWanted, AreContent) {
  const std::string text(kHermes);
  expect({.syntax = OutputSyntax::hermes, .calls = false}, text,
         "[r]Hm.[c]" + text.substr(text.find("Look:")));
  const std::string bare = "{\"name\": \"f\", \"arguments\": {}}";
  expect({.syntax = OutputSyntax::hermes, .calls = false, .tools = {"f"}}, bare, "[c]" + bare);
  const std::string dsml =
      "Look:\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n</｜DSML｜invoke>\n</｜DSML｜tool_calls>";
  expect({.syntax = OutputSyntax::dsml, .in_reasoning = true, .calls = false}, "Hm</think>" + dsml,
         "[r]Hm[c]" + dsml);
}

TEST(F02_CallsThatAreNotWanted, StopStringsSeeTheirMarkup) {
  expect({.syntax = OutputSyntax::hermes, .stop = {"<tool_call>"}, .calls = false}, kHermes,
         "[r]Hm.[c]Look:\n", api::Finish::stop_sequence);
}

TEST(F03_MendedCalls, AreFoundWithoutTheirTagToo) {
  const AnswerReader::Rules rules{.syntax = OutputSyntax::hermes, .tools = {"f"}};
  const std::string call = "{\"name\": \"f\", \"arguments\": {\"x\": \"\\d}\", y: True, }}";
  const std::string out = "{\"x\": \"\\\\d}\", \"y\": true }!";
  expect(rules, call + "\n" + call, "[f0 id0]" + out + "[f1 id1]" + out);
  expect(rules, "```json\n" + call + "\n```\nDone.", "[f0 id0]" + out + "[c]Done.");
  expect(rules, "{\"name\": \"f\", \"arguments\": {\"x\": tru!}}\nDone.", "[f0 id0]{\"x\": tru!}![c]Done.");
}

TEST(AnswerReader, AnOpeningSpeaksFirst) {
  const api::Tool f{"f", Json{{"name", "f"}}};
  const api::Tool g{"g", Json{{"parameters", {{"properties", {{"x", Json::object()}}}}}}};
  const std::string rest =
      "<｜DSML｜parameter name=\"x\" string=\"false\">1</｜DSML｜parameter>\n</｜DSML｜invoke>\n"
      "</｜DSML｜tool_calls>";
  expect({.syntax = OutputSyntax::dsml, .opening = call_opening(OutputSyntax::dsml, &f)}, rest,
         "[f0 id0]{\"x\": 1}!");
  expect({.syntax = OutputSyntax::dsml, .opening = call_opening(OutputSyntax::dsml, nullptr)},
         "<｜DSML｜invoke name=\"f\">\n" + rest, "[f0 id0]{\"x\": 1}!");
  expect({.syntax = OutputSyntax::hermes, .opening = call_opening(OutputSyntax::hermes, &f)},
         "\"x\": 1}}\n</tool_call>", "[f0 id0]{\"x\": 1}!");
  expect({.syntax = OutputSyntax::hermes, .opening = call_opening(OutputSyntax::hermes, nullptr)},
         "\"f\", \"arguments\": {\"x\": 1}}\n</tool_call>", "[f0 id0]{\"x\": 1}!");
  expect({.syntax = OutputSyntax::hermes, .opening = call_opening(OutputSyntax::hermes, &g)},
         "x\": 1}}\n</tool_call>", "[g0 id0]{\"x\": 1}!");
  EXPECT_TRUE(call_opening(OutputSyntax::plain, &f).empty());
}

TEST(AnswerReader, ACallOfAToolOnOfferMayMissItsTag) {
  const AnswerReader::Rules rules{.syntax = OutputSyntax::hermes, .tools = {"fly", "f"}};
  const std::string call = "{\"name\": \"f\", \"arguments\": {\"x\": {\"y\": \"}\"}}}";
  const std::string out = "{\"x\": {\"y\": \"}\"}}!";
  expect(rules, call, "[f0 id0]" + out);
  expect(rules, "\n" + call + "\n" + call + "\n", "[f0 id0]" + out + "[f1 id1]" + out);
  expect(rules, "```json\n" + call + "\n```", "[f0 id0]" + out);
  expect(rules, "```json\n" + call + "\n```\n\n```json\n" + call + "\n```",
         "[f0 id0]" + out + "[f1 id1]" + out);
  expect(rules, call + "\nDone: {a}", "[f0 id0]" + out + "[c]Done: {a}");
  expect(rules, "```\n" + call + "\n```\nDone.", "[f0 id0]" + out + "[c]Done.");
  expect({.syntax = OutputSyntax::hermes, .parallel_calls = false, .tools = {"f"}}, call + "\n" + call,
         "[f0 id0]" + out, api::Finish::tool_calls);
}

TEST(AnswerReader, OtherAnswersKeepEveryByte) {
  const AnswerReader::Rules rules{.syntax = OutputSyntax::hermes, .tools = {"f"}};
  for (const std::string text :
       {"{\"name\": \"g\", \"arguments\": {}}", "{\"name\": \"f", "{\"name\": 1}", "{\"names\": 2}", "{}",
        "``", "```", "```json\n{\"a\": 1}\n```", "A {\"name\": \"f\", \"arguments\": {}}", "{ \"name\" : "}) {
    expect(rules, text, "[c]" + text);
    expect({.syntax = OutputSyntax::hermes}, text, "[c]" + text);
  }
  expect({.syntax = OutputSyntax::hermes, .calls = false, .tools = {"f"}},
         "{\"name\": \"f\", \"arguments\": {}}", "[c]{\"name\": \"f\", \"arguments\": {}}");
}

TEST(AnswerReader, ACutCallHasNoEnd) {
  AnswerReader r = reader({.syntax = OutputSyntax::hermes});
  EXPECT_EQ(read(r, "<tool_call>{\"name\":\"f\",\"arguments\":{\"x\": \"a", 5, true), "[f0 id0]{\"x\": \"a");
  EXPECT_FALSE(r.called());
}

TEST(AnswerReader, SpecialTokensAreLeftOutUnlessTheyAreMarkup) {
  const auto read = [](AnswerReader::Rules rules) {
    AnswerReader r = reader(std::move(rules));
    AnswerReader::Whats all;
    for (const int32_t id : {int32_t{'a'}, ByteTokenizer::kBegin, ByteTokenizer::kEndThink, int32_t{'b'}})
      for (auto& what : r.push(id)) all.push_back(std::move(what));
    for (auto& what : r.finish(false)) all.push_back(std::move(what));
    return shown(all);
  };
  for (const OutputSyntax syntax : {OutputSyntax::hermes, OutputSyntax::dsml, OutputSyntax::plain})
    EXPECT_EQ(read({.syntax = syntax, .in_reasoning = true}), "[r]a[c]b");
  EXPECT_EQ(read({}), "[c]ab");
  EXPECT_EQ(read({.skip_special = false}), "[c]a<b></think>b");
  EXPECT_EQ(read({.syntax = OutputSyntax::hermes, .in_reasoning = true, .skip_special = false}),
            "[r]a<b>[c]b");
}

}  // namespace
}  // namespace autark::serve
