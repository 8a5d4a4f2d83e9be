// Goal: the pieces of a model's output do not depend on the cuts, nothing is lost, and the arguments of a
// finished call are a JSON object or what the model wrote. Method: the golden corpus whole and cut at every
// byte; a million random cuts and mutations of it; examples for the syntaxes without a corpus.
#include "text/output_parser.h"
#include <gtest/gtest.h>
#include <algorithm>
#include "base/sanitized.h"
#include "text/stream.h"
#include "text/testing.h"
#include "text/tools/testing.h"

namespace autark::text {
namespace {

std::string show(const Json& expected) {
  Json j = {{"reasoning", expected["reasoning"]},
            {"content", expected["content"]},
            {"tool_calls", expected["tool_calls"]}};
  if (expected.contains("partial")) j["partial"] = Json::array({expected["partial"]});
  return dump_json(j);
}

// One row expects a call with a cut argument, which is not executed here but given up as text (D8_DsmlCalls).
std::vector<Json> corpus() {
  auto rows = read_rows(golden_file("deepseek-v4/dsml"));
  std::erase_if(rows, [](const Json& row) { return row["name"] == "value holds an end tag"; });
  return rows;
}

Answer answer(const Json& row) {
  return {.text = row["text"], .in_reasoning = row["mode"] == "thinking", .cut = row["end"] == "length"};
}

TEST(OutputParser, ReadsTheCorpusAsItIsToBeRead) {
  int count = 0;
  for (const Json& row : corpus()) {
    EXPECT_EQ(show(parse(answer(row), {})), show(row["expected"])) << row["name"];
    ++count;
  }
  EXPECT_GE(count, 170);
}

TEST(OutputParser, CutsDoNotMatter) {
  for (const Json& row : corpus()) {
    const Answer a = answer(row);
    if (kSanitized && a.text.size() > 1000) continue;
    const std::string whole = show(parse(a, {}));
    std::vector<size_t> everywhere;
    for (size_t at = 1; at < a.text.size(); ++at) {
      everywhere.push_back(at);
      ASSERT_EQ(show(parse(a, {&at, 1})), whole) << row["name"] << " cut at " << at;
    }
    ASSERT_EQ(show(parse(a, everywhere)), whole) << row["name"] << " byte by byte";
  }
}

// Text of different kinds does not join to markup.
TEST(OutputParser, TheEndOfReasoningDoesNotJoinWithContent) {
  const auto read = [](const std::string& text, bool in_reasoning) {
    return parse({.text = text, .in_reasoning = in_reasoning}, {});
  };
  EXPECT_EQ(read("</</think>think>", true).reasoning, "</");
  EXPECT_EQ(read("</</think>think>", true).content, "think>");
  EXPECT_EQ(read("</</think>think>", false).content, "</think") << "dropped out of one text, they would join";
  const Answer hermes{.text = "<tool</think>_call>", .in_reasoning = true, .syntax = OutputSyntax::hermes};
  EXPECT_EQ(parse(hermes, {}).content, "_call>");
}

TEST(OutputParser, ContentThatGoesOnKeepsItsNewlines) {
  for (const bool continues : {false, true}) {
    const auto parser = make_output_parser(OutputSyntax::dsml, {.continues = continues});
    const auto pieces = parser->push("\n\nreturn");
    EXPECT_EQ(gather(pieces).content, continues ? "\n\nreturn" : "return");
  }
}

// The characters that a gate gives out: all except line ends around markup.
std::string letters_of(std::string_view text) {
  Utf8Stream stream;
  std::string all = stream.push(text);
  all += stream.flush();
  std::erase(all, '\n');
  return all;
}

// If an output has no markup, everything is text.
void expect_all_text(const ParsedOutput& p, const Answer& a) {
  if (a.cut || a.in_reasoning || a.text.find("think>") != a.text.npos) return;
  if (!p.tool_calls.empty() || !p.partial.empty()) return;
  std::string_view rest = a.text;
  if (a.syntax == OutputSyntax::dsml)  // a block without calls at the end says nothing
    rest = rest.substr(0, std::min(rest.rfind("<｜DSML｜"), rest.size()));
  ASSERT_TRUE(letters_of(p.content).starts_with(letters_of(rest))) << p.content << "\n--- of\n" << a.text;
}

// Arguments that are no JSON object are in the text unchanged. DSML passes a value on that the model declares
// to be JSON, so with such a value in the text the arguments may be anything.
void expect_arguments(const ParsedOutput& p, const Answer& a) {
  if (a.syntax == OutputSyntax::dsml && a.text.find("false\">") != std::string::npos) return;
  for (const ToolCall& c : p.tool_calls) {
    const auto json = parse_json(c.arguments, "arguments");
    const bool as_written = a.syntax == OutputSyntax::hermes &&
                            letters_of(a.text).find(letters_of(c.arguments)) != std::string::npos;
    ASSERT_TRUE((json && json->is_object()) || as_written) << c.arguments << "\nof " << a.text;
  }
}

class RandomOutput : public testing::TestWithParam<uint32_t> {};

TEST_P(RandomOutput, DsmlIsWholeHoweverItIsCut) {
  const auto rows = corpus();
  Mutator m(GetParam(), {"</think>", "<｜DSML｜", "</｜DSML｜", "｜DSML｜", "\n\n", "<", "</", "\"", "\">",
                         " string=\"true\">", "invoke name=\"", "parameter name=\"", "tool_calls>", " calls>",
                         "\xEF\xBD", "｜", "\\", "é"});
  std::vector<Answer> answers;
  for (const Json& row : rows)
    if (answer(row).text.size() < 1000) answers.push_back(answer(row));
  for (int i = 0; i < (kSanitized ? 2000 : 125000); ++i) {
    Answer a = answers[m.below(answers.size())];
    for (size_t n = m.below(4); n > 0; --n) m.mutate(a.text);
    const ParsedOutput p = parse(a, m.cuts(a.text.size()));
    expect_all_text(p, a);
    for (const auto* calls : {&p.tool_calls, &p.partial})
      for (const ToolCall& c : *calls) ASSERT_EQ(c.arguments.find("</｜DSML｜"), std::string::npos) << a.text;
    expect_arguments(p, a);
    if (i % 10 == 0) {
      ASSERT_EQ(show(p), show(parse(a, {}))) << a.text;
    }
    if (testing::Test::HasFatalFailure()) return;
  }
}

const std::vector<Answer>& hermes_answers() {
  static const std::vector<Answer> kAnswers = [] {
    std::vector<Answer> all;
    for (const char* text :
         {"Hello!\n\nMore.\n", "<think>\nHm.\n</think>\n\nYes.",
          "I look.\n<tool_call>\n{\"name\": \"get_weather\", \"arguments\": {\"city\": \"Paris\", \"n\": [1, "
          "-2.5e3, true, "
          "null, {}]}}\n</tool_call>",
          "<tool_call>{\"arguments\": {\"a\": \"x\\u00e9\\ud83d\\ude00\\n\"}, \"id\": 7, \"name\": "
          "\"f\"}</tool_call>\n"
          "<tool_call>\n{\"name\": \"g\"}\n</tool_call>",
          "<think>\na\n</think>\n\n<tool_call>\n{\"name\": \"write\", \"arguments\": {\"text\": "
          "\"</tool_call> 北京\\\\\"}}\n</tool_call>\n",
          "<tool_call>\n{\"name\": \"f\", \"arguments\": \"{\\\"a\\\": 1}\"}\n</tool_call>"})
      for (const bool cut : {false, true})
        all.push_back({.text = text, .cut = cut, .syntax = OutputSyntax::hermes});
    return all;
  }();
  return kAnswers;
}

TEST_P(RandomOutput, HermesIsWholeHoweverItIsCut) {
  Mutator m(GetParam(),
            {"<think>", "</think>", "<tool_call>", "</tool_call>",    "\n", "{", "}", "\"",  "\\",
             "\\ud83d", ",",        "\"name\": ",  "\"arguments\": ", "[",  "]", "1", "tru", "\xF0\x9F",
             "é",       "\x01"});
  for (int i = 0; i < (kSanitized ? 1000 : 25000); ++i) {
    Answer a = hermes_answers()[m.below(hermes_answers().size())];
    for (size_t n = m.below(4); n > 0; --n) m.mutate(a.text);
    const ParsedOutput p = parse(a, m.cuts(a.text.size()));
    expect_all_text(p, a);
    expect_arguments(p, a);
    ASSERT_TRUE(a.cut || p.partial.empty()) << a.text;
    ASSERT_EQ(show(p), show(parse(a, {}))) << a.text;
    if (testing::Test::HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomOutput, testing::Range(1u, 9u));

TEST(OutputParser, HermesSplitsReasoningContentAndCalls) {
  EXPECT_EQ(hermes("\nHello\n\n"), "\nHello\n\n");
  EXPECT_EQ(hermes("<think>\nHm.\n\nSo.\n</think>\n\nYes.\n"), "[Hm.\n\nSo.]Yes.\n");
  EXPECT_EQ(hermes("\nHm.\n</think>\n\nYes.", true), "[Hm.]Yes.");
  EXPECT_EQ(hermes("Say <think> and </think>!"), "Say <think> and </think>!");
  EXPECT_EQ(hermes("a\n</think>b</think>c", true), "[a]bc");
  EXPECT_EQ(hermes("a <tool_ca", true, true), "[a <tool_ca]");
  EXPECT_EQ(
      hermes(
          "I look.\n<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\":  [1.0, \"é\\n\"] }}\n</tool_call>\n"
          "<tool_call>\n{\"name\": \"g\", \"arguments\": {}}\n</tool_call>"),
      "I look. f{\"a\":  [1.0, \"é\\n\"] } g{}");
  EXPECT_EQ(hermes("Hm.\n<tool_call>{\"name\":\"f\"}</tool_call>\n</think>\nYes", true), "[Hm.]Yes f{}");
}

TEST(OutputParser, HermesTakesWhatModelsGetWrong) {
  EXPECT_EQ(hermes("<tool_call>{\"arguments\": {\"a\": 1}, \"name\": \"f\"}</tool_call>x"), "x f{\"a\": 1}");
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"f\", \"parameters\": {\"a\": 1}}"), " f{\"a\": 1}");
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"f\", \"arguments\": \"{\\\"a\\\": \\\"b\\\"}\"}</tool_call>"),
            " f{\"a\": \"b\"}");
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"f\", \"arguments\": null}</tool_call>"), " f{}");
  EXPECT_EQ(hermes("<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}\n</tool_call>"), " f{\"a\": 1}");
  EXPECT_EQ(hermes("<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}}}\n</tool_call>"),
            " f{\"a\": 1}");
  EXPECT_EQ(hermes("<tool_call>\n{\"name\": \"f\", \"arguments\": {\"a\": 1}"), " f{\"a\": 1}");
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"x\ny\tz\"}}</tool_call>"),
            " f{\"a\": \"x\\ny\\tz\"}");
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"\\ud83d!\"}}</tool_call>"),
            " f{\"a\": \"\\ufffd!\"}");
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"</tool_call>\"}}</tool_call>"),
            " f{\"a\": \"</tool_call>\"}");
}

TEST(OutputParser, HermesCutByLengthIsUnfinished) {
  EXPECT_EQ(hermes("<tool_call>\n{\"na", false, true), "");
  EXPECT_EQ(hermes("<tool_call>\n{\"name\": \"ge", false, true), " ?ge");
  EXPECT_EQ(hermes("<tool_call>\n{\"name\": \"get\", \"arguments\": {\"ci", false, true), " ?get{\"ci");
  EXPECT_EQ(hermes("<tool_call>\n{\"name\": \"get\", \"arguments\": {}}\n</to", false, true), " get{}");
}

TEST(OutputParser, PlainTextStaysAsItIs) {
  const auto plain = [](const std::string& text, bool in_reasoning) {
    const Answer a{.text = text, .in_reasoning = in_reasoning, .syntax = OutputSyntax::plain};
    return show(parse(a, {}));
  };
  EXPECT_EQ(plain("\n<think>a</think>\n<tool_call>{}\n", false),
            R"({"reasoning":"","content":"\n<think>a</think>\n<tool_call>{}\n","tool_calls":[]})");
  EXPECT_EQ(plain("\na\n\n</think>\n\nb</think>\n", true),
            R"({"reasoning":"a","content":"b</think>\n","tool_calls":[]})");
  EXPECT_EQ(plain("a\n", true), R"({"reasoning":"a\n","content":"","tool_calls":[]})");
}

TEST(OutputParser, BytesThatAreNoTextBecomeReplacementCharacters) {
  for (const auto syntax : {OutputSyntax::plain, OutputSyntax::hermes, OutputSyntax::dsml}) {
    const Answer a{.text = "a\xFFz\xE5\x8C", .syntax = syntax};
    EXPECT_EQ(parse(a, {}).content, "a\uFFFDz\uFFFD");
  }
}

}  // namespace
}  // namespace autark::text
