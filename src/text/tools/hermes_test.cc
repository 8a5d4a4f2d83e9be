// Goal: text whose name can be read is a call, whatever else is wrong in it; every other tag is text; nothing
// is lost, and a stream gives the same result as the whole text. Method: the mistakes that models make, one
// kind after the other, whole and byte by byte; what was given out before the end of a call.
#include <gtest/gtest.h>
#include <utility>
#include "text/tools/testing.h"

namespace autark::text {
namespace {

// Returns " f" and the resulting arguments.
std::string call(const std::string& arguments) {
  return hermes("<tool_call>\n{\"name\": \"f\", \"arguments\": " + arguments + "}\n</tool_call>");
}

TEST(F03_HermesCalls, ArgumentsAreMended) {
  EXPECT_EQ(call(R"({"pattern": "\d+"})"), R"( f{"pattern": "\\d+"})");
  EXPECT_EQ(call(R"({"path": "C:\Users\me"})"), R"( f{"path": "C:\\Users\\me"})");
  EXPECT_EQ(call("{\"text\": \"a\nb\tc\"}"), R"( f{"text": "a\nb\tc"})");
  EXPECT_EQ(call("{'a': True, b: [1, 2,], // x\n}"), R"( f{"a": true, "b": [1, 2] })");
  EXPECT_EQ(call(R"({"a": {"b": [1, 2})"), R"( f{"a": {"b": [1, 2]}})");
  EXPECT_EQ(call("{\"a\": \"\\ud83d!\"}"), " f{\"a\": \"\\ufffd!\"}");
}

TEST(F03_HermesCalls, OrStayAsTheyAreWritten) {
  for (const std::string arguments :
       {R"({"a": tru!})", R"({"a": "say "hi" now"})", R"({"a": "b" "c": {"d": 1}})", R"({"a": 007, "b": 1})",
        R"({"a": "Rome})", R"({"a": Rome})", R"({"a": (1, 2)})", R"({"a"= "}"})", R"({...})", R"({"a": 1;})",
        R"({"a": r"\d"})", R"({"\d": "\d", "b": })", R"([1, 2])", R"([1, 2,])", R"(7)", R"("text")",
        R"(True)", R"("say "hi"")", R"("a" + "b")"})
    EXPECT_EQ(call(arguments), " f" + arguments);
}

TEST(F03_HermesCalls, ArgumentsThatAreNoObject) {
  EXPECT_EQ(call(R"("{\"a\": 1}")"), R"( f{"a": 1})");
  EXPECT_EQ(call(R"("{\"a\": \"\\d\", }")"), R"( f{"a": "\\d" })");
  EXPECT_EQ(call(R"("{"a": 1}")"), R"( f{"a": 1})");
  EXPECT_EQ(call("null"), " f{}");
  EXPECT_EQ(call("None"), " f{}");
  EXPECT_EQ(call("\"\""), " f{}");
  EXPECT_EQ(call(""), " f{}");
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"f\"}</tool_call>"), " f{}");
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"f\", \"id\": 1, \"city\": \"Rome\"}</tool_call>"),
            " f{\"city\": \"Rome\"}");
}

TEST(F03_HermesCalls, TheCallAroundThemMayBeWrongToo) {
  const std::string out = " f{\"a\": 1}";
  for (const char* inside :
       {"{'name': 'f', 'arguments': {'a': 1}}", "{name: f, arguments: {a: 1}}",
        "{\"name\": \"f\", \"arguments\": {\"a\": 1},}", "{\"name\": \"f\" \"arguments\": {\"a\": 1}}",
        "{\"name\": \"f\", \"arguments\" {\"a\": 1}}", "{\"name\": \"f\", {\"a\": 1}}",
        "{\"name\": \"f\", // why\n \"arguments\": /* so */ {\"a\": 1}}",
        "{\"name\": \"f\", \"arguments\": {\"a\": 1}", "{\"name\": \"f\", \"arguments\": {\"a\": 1",
        "{\"name\": \"f\", \"arguments\": {\"a\": 1}}}}",
        "```json\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}\n```",
        "{\"arguments\": {\"a\": 1}, \"name\": \"f\"}",
        "{\"id\": @, \"name\": \"f\", \"parameters\": {\"a\": 1}}"})
    for (const char* end : {"</tool_call>", "\n</tool_call>", ""})
      EXPECT_EQ(hermes("<tool_call>\n" + std::string(inside) + end), out) << inside;
  EXPECT_EQ(hermes("<tool_call>{\"arguments\": {\"a\": tru!}, \"name\": \"f\"}</tool_call>"),
            " f{\"a\": tru!}");
}

TEST(F03_HermesCalls, WhatIsBesideABadCallSurvives) {
  const std::string good = "<tool_call>\n{\"name\": \"g\", \"arguments\": {\"b\": 2}}\n</tool_call>";
  for (const std::string bad : {R"({"a": tru!})", R"({"a": "b)", R"({"a": "\d"})", R"({"a": 1, )"}) {
    const std::string as = call(bad);
    const std::string body = "<tool_call>\n{\"name\": \"f\", \"arguments\": " + bad + "}";
    EXPECT_EQ(hermes("Look.\n" + body + "\n</tool_call>\n" + good), "Look." + as + " g{\"b\": 2}");
    EXPECT_EQ(hermes(good + "\n" + body + "</tool_call>\nDone."), "Done. g{\"b\": 2}" + as);
    EXPECT_EQ(hermes(body + "\n" + good), as + " g{\"b\": 2}") << "without its end";
    EXPECT_EQ(hermes(body + "</tool_call>" + good), as + " g{\"b\": 2}") << "on one line";
  }
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": tru!}}\nDone."),
            "Done. f{\"a\": tru!}");
}

TEST(F03_HermesCalls, ATagInAStringIsTheStringsOwn) {
  EXPECT_EQ(call(R"({"a": "see </tool_call> and <tool_call>"})"),
            R"( f{"a": "see </tool_call> and <tool_call>"})");
  EXPECT_EQ(call(R"({"a": "</tool_call> \d"})"), R"( f{"a": "</tool_call> \\d"})");
  EXPECT_EQ(call(R"({"a": tru!, "b": "</tool_call>"})"), R"( f{"a": tru!, "b": "</tool_call>"})");
  EXPECT_EQ(call(R"({"a": "<tool_call>{\"name\": \"g\"}</tool_call>"})"),
            R"( f{"a": "<tool_call>{\"name\": \"g\"}</tool_call>"})");
}

TEST(F03_HermesCalls, ATagOnALineOfAStringIsTheStringsOwnIfNothingElseIsWrong) {
  EXPECT_EQ(call("{\"text\": \"Close it with\n</tool_call>\nlike so\"}"),
            R"( f{"text": "Close it with\n</tool_call>\nlike so"})");
  EXPECT_EQ(call("{\"text\": \"a\n</tool_call>\n\"}") + "!", R"( f{"text": "a\n</tool_call>\n"}!)");
  const std::string open = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": \"b}}\n</tool_call>\n";
  EXPECT_EQ(hermes(open + "He said \"hi\"}}, or not."), "He said \"hi\"}}, or not. f{\"a\": \"b}");
  EXPECT_EQ(hermes(open + "Done."), "Done. f{\"a\": \"b}");
}

TEST(F03_HermesCalls, ManyOpenStringsCostNoMoreThanAFewReadings) {
  std::string text;
  for (int i = 0; i < 4000; ++i) text += "<tool_call>{\"name\":\"f\",\"arguments\":{\"a\":\"</tool_call>x";
  const auto parser = make_output_parser(OutputSyntax::hermes);
  std::vector<OutputPiece> pieces = parser->push(text);
  for (auto& p : parser->finish(false)) pieces.push_back(std::move(p));
  EXPECT_TRUE(gather(pieces).partial.empty());
  EXPECT_GT(gather(pieces).tool_calls.size(), 0u);
}

TEST(F03_HermesCalls, AStreamRunsAheadOfWhatNoRepairCanChange) {
  const auto parser = make_output_parser(OutputSyntax::hermes);
  const auto more = [&](const char* text) {
    std::string out;
    for (const OutputPiece& p : parser->push(text)) out += p.text;
    return out;
  };
  EXPECT_EQ(more("<tool_call>\n{\"name\": \"f"), "");
  EXPECT_EQ(more("\", \"arguments\": {\"a\": \"x"), "f{\"a\": \"x");
  EXPECT_EQ(more("y}} "), "y") << "may be the end of the call";
  EXPECT_EQ(more("z\\"), "}} z");
  EXPECT_EQ(more("d more"), "") << "mended: as it was written would be another text";
  EXPECT_EQ(more("\"}}"), "\\\\d more\"}");
}

TEST(F03_HermesCalls, AreCutAsFarAsTheyCame) {
  const auto cut = [](const std::string& arguments) {
    return hermes("<tool_call>{\"name\": \"f\", \"arguments\": " + arguments, false, true);
  };
  EXPECT_EQ(cut("{\"a\": \"\\d x"), " ?f{\"a\": \"\\\\d x");
  EXPECT_EQ(cut("{\"a\": tru! x"), " ?f{\"a\": tru! x");
  EXPECT_EQ(cut("{\"a\": \"x</tool_call> y"), " ?f{\"a\": \"x</tool_call> y");
  EXPECT_EQ(hermes("a <tool_call>foo", false, true), "a <tool_call>foo");
}

TEST(F02_HermesText, TagsWithoutACallAreText) {
  for (const char* text :
       {"The tag <tool_call> is for calls, </tool_call> ends one.", "a\n<tool_call>\nfoo(1)\n</tool_call>\nb",
        "<tool_call>", "</tool_call>", "<tool_call>\n<tool_call>\n", "</tool_call></tool_call>",
        "<tool_call></tool_call>", "<tool_call>{\"name\": 7}</tool_call>.", "<tool_call>{\"nam",
        "<tool_call>{\"a\": \"x\"}\n</tool_call>\n", "<tool_call>[{\"name\": \"f\"}]</tool_call>",
        "<tool_call>{\"name\": <name>, \"arguments\": {…}}</tool_call>", "`<tool_call>{`, then\n\nmore.",
        "<tool_call>{\"name\": \"\", \"arguments\": {}}</tool_call>",
        "<tool_call>\n<function=f>\n</function>", "<tool_call>f<arg_key>a</arg_key></tool_call>", "<tool_",
        "{\"name\": \"f\", \"arguments\": {}}"})
    EXPECT_EQ(hermes(text), text);
  EXPECT_EQ(hermes("<think>\nA <tool_call> or {\n</think>\n\nNo."), "[A <tool_call> or {]No.");
  EXPECT_EQ(hermes("<tool_call>{ hm </think>No.", true), "[<tool_call>{ hm ]No.");
}

TEST(F02_HermesText, CallsBehindThemAreRead) {
  const std::string body = "\n{\"name\": \"f\", \"arguments\": {}}\n</tool_call>";
  EXPECT_EQ(hermes("A <tool_call> it is:\n<tool_call>" + body), "A <tool_call> it is: f{}");
  EXPECT_EQ(hermes("<tool_call>foo</tool_call>\n<tool_call>" + body), "<tool_call>foo</tool_call> f{}");
  EXPECT_EQ(hermes("<tool_call>\n<tool_call>" + body + "</tool_call>"), " f{}") << "doubled";
  EXPECT_EQ(hermes("<tool_call>" + body + "\nIt ends with </tool_call>."), "It ends with </tool_call>. f{}");
}

TEST(F02_HermesText, TheLastByteIsKept) {
  const std::string good = "<tool_call>{\"name\": \"f\"}</tool_call>";
  EXPECT_EQ(hermes(good + "\n\n<"), "< f{}");
  EXPECT_EQ(hermes(good + "\n</tool"), "</tool f{}");
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"f\"}\n</tool"), " f{}");
}

TEST(F02_HermesText, ThinkIsATagOnlyWhereReasoningMayBegin) {
  EXPECT_EQ(spoken({.text = "Hm.</think>Say </think>.",
                    .in_reasoning = true,
                    .calls = false,
                    .syntax = OutputSyntax::hermes}),
            "[Hm.]Say </think>.");
  for (const ParserOptions& o : {ParserOptions{.reasoned = true}, ParserOptions{.continues = true}}) {
    const auto parser = make_output_parser(OutputSyntax::hermes, o);
    auto pieces = parser->push("<think> opens reasoning.");
    for (auto& p : parser->finish(false)) pieces.push_back(std::move(p));
    EXPECT_EQ(gather(pieces).content, "<think> opens reasoning.");
  }
}

TEST(F02_HermesText, WithoutCallsEverythingIsContent) {
  for (const std::string text :
       {"a\n\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"x\": 1}}\n</tool_call>\n\nb\n",
        "<tool_call>{\"name\": \"f\"}</tool_call><tool_call>", "</tool_call>\n"}) {
    EXPECT_EQ(spoken({.text = text, .calls = false, .syntax = OutputSyntax::hermes}), text);
    EXPECT_EQ(spoken({.text = "<think>\nHm " + text + "</think>\n\n" + text,
                      .calls = false,
                      .syntax = OutputSyntax::hermes})
                  .substr(0, 4),
              "[Hm ");
  }
}

}  // namespace
}  // namespace autark::text
