// Goal: a model's output is taken apart the same way however it is cut, markup never comes out as text or
// arguments, and arguments of a finished call are JSON.
// Method: the golden corpus whole and cut at every byte; a million random cuts and mutations of it; examples
// for the syntaxes without a corpus.
#include "text/output_parser.h"
#include <gtest/gtest.h>
#include <random>
#include "base/sanitized.h"
#include "text/testing.h"

namespace autark::text {
namespace {

struct Answer {
  std::string text;
  bool in_reasoning = false, cut = false;
  OutputSyntax syntax = OutputSyntax::dsml;
};

ParsedOutput parse(const Answer& a, std::span<const size_t> cuts) {
  const auto parser = make_output_parser(a.syntax, a.in_reasoning);
  std::vector<OutputPiece> pieces;
  const auto add = [&](std::vector<OutputPiece> more) {
    for (auto& p : more) pieces.push_back(std::move(p));
  };
  size_t from = 0;
  for (const size_t to : cuts) add(parser->push(std::string_view(a.text).substr(from, to - from))), from = to;
  add(parser->push(std::string_view(a.text).substr(from)));
  add(parser->finish(a.cut));
  return gather(pieces);
}

std::string show(const ParsedOutput& p) {
  Json j = {{"reasoning", p.reasoning}, {"content", p.content}, {"tool_calls", Json::array()}};
  for (const auto& c : p.tool_calls)
    j["tool_calls"].push_back({{"name", c.name}, {"arguments", c.arguments}});
  for (const auto& c : p.partial) j["partial"].push_back({{"name", c.name}, {"arguments", c.arguments}});
  return dump_json(j);
}

std::string show(const Json& expected) {
  Json j = {{"reasoning", expected["reasoning"]},
            {"content", expected["content"]},
            {"tool_calls", expected["tool_calls"]}};
  if (expected.contains("partial")) j["partial"] = Json::array({expected["partial"]});
  return dump_json(j);
}

std::vector<Json> corpus() {
  return read_rows(golden_file("deepseek-v4/dsml"));
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
  EXPECT_GE(count, 171);
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

// What joins with what came before is no markup where the two are of different kinds.
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
    const auto parser = make_output_parser(OutputSyntax::dsml, false, continues);
    const auto pieces = parser->push("\n\nreturn");
    EXPECT_EQ(gather(pieces).content, continues ? "\n\nreturn" : "return");
  }
}

class Mutator {
 public:
  explicit Mutator(uint32_t seed, std::vector<std::string> marks) : random_(seed), marks_(std::move(marks)) {}

  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

  void mutate(std::string& text) {
    const size_t at = below(text.size() + 1), length = std::min(below(12), text.size() - at);
    switch (below(5)) {
      case 0:
        text.erase(at, length);
        break;
      case 1:
        text.insert(at, marks_[below(marks_.size())]);
        break;
      case 2:
        text.replace(at, length, marks_[below(marks_.size())]);
        break;
      case 3:
        text.insert(at, text.substr(below(text.size() + 1), below(40)));
        break;
      default:
        if (!text.empty()) text[std::min(at, text.size() - 1)] = static_cast<char>(below(256));
    }
  }

  std::vector<size_t> cuts(size_t size) {
    std::vector<size_t> at(below(6));
    for (size_t& c : at) c = below(size + 1);
    std::ranges::sort(at);
    return at;
  }

 private:
  std::mt19937 random_;
  std::vector<std::string> marks_;
};

void expect_clean(const ParsedOutput& p, const Answer& a, std::span<const std::string_view> markup) {
  for (const std::string_view m : markup) {
    ASSERT_EQ(p.content.find(m), std::string::npos) << a.text;
    ASSERT_EQ(p.reasoning.find(m), std::string::npos) << a.text;
  }
}

// A value that the model calls JSON is pasted, so with one in the text arguments may be anything.
void expect_json(const ParsedOutput& p, const Answer& a) {
  if (a.syntax == OutputSyntax::dsml && a.text.find("false\">") != std::string::npos) return;
  for (const ToolCall& c : p.tool_calls) {
    const auto json = parse_json(c.arguments, "arguments");
    ASSERT_TRUE(json && json->is_object()) << c.arguments << "\nof " << a.text;
  }
}

class RandomOutput : public testing::TestWithParam<uint32_t> {};

TEST_P(RandomOutput, DsmlNeverLeaksMarkup) {
  constexpr std::string_view kMarkup[] = {"｜DSML｜"};
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
    expect_clean(p, a, kMarkup);
    ASSERT_EQ(p.content.find("</think>"), std::string::npos) << a.text;
    for (const auto* calls : {&p.tool_calls, &p.partial})
      for (const ToolCall& c : *calls) ASSERT_EQ(c.arguments.find("</｜DSML｜"), std::string::npos) << a.text;
    expect_json(p, a);
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

TEST_P(RandomOutput, HermesNeverLeaksMarkup) {
  constexpr std::string_view kMarkup[] = {"<tool_call>", "</tool_call>"};
  Mutator m(GetParam(),
            {"<think>", "</think>", "<tool_call>", "</tool_call>",    "\n", "{", "}", "\"",  "\\",
             "\\ud83d", ",",        "\"name\": ",  "\"arguments\": ", "[",  "]", "1", "tru", "\xF0\x9F",
             "é",       "\x01"});
  for (int i = 0; i < (kSanitized ? 1000 : 25000); ++i) {
    Answer a = hermes_answers()[m.below(hermes_answers().size())];
    for (size_t n = m.below(4); n > 0; --n) m.mutate(a.text);
    const ParsedOutput p = parse(a, m.cuts(a.text.size()));
    expect_clean(p, a, kMarkup);
    expect_json(p, a);
    ASSERT_EQ(show(p), show(parse(a, {}))) << a.text;
    if (testing::Test::HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomOutput, testing::Range(1u, 9u));

std::string hermes(const std::string& text, bool in_reasoning = false, bool cut = false) {
  const Answer a{.text = text, .in_reasoning = in_reasoning, .cut = cut, .syntax = OutputSyntax::hermes};
  const std::string whole = show(parse(a, {}));
  std::vector<size_t> everywhere;
  for (size_t at = 1; at < text.size(); ++at) everywhere.push_back(at);
  EXPECT_EQ(show(parse(a, everywhere)), whole);
  const Json j = parse_json(whole, "").value();
  std::string out;
  if (j["reasoning"] != "") out += "[" + j["reasoning"].get<std::string>() + "]";
  out += j["content"];
  for (const Json& c : j["tool_calls"])
    out += " " + c["name"].get<std::string>() + c["arguments"].get<std::string>();
  if (j.contains("partial"))
    for (const Json& c : j["partial"])
      out += " ?" + c["name"].get<std::string>() + c["arguments"].get<std::string>();
  return out;
}

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

TEST(OutputParser, HermesLosesNoText) {
  EXPECT_EQ(hermes("a\n<tool_call>\nfoo(1)\n</tool_call>\nb"), "a\nfoo(1)b");
  EXPECT_EQ(hermes("<tool_call>{'name': 'f'}</tool_call>"), "{'name': 'f'}");
  EXPECT_EQ(hermes("<tool_call>{\"name\": 7}</tool_call>"), "{\"name\": 7}");
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": tru!}}</tool_call>."),
            "tru!}}. ?f{\"a\": ");
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": \"b}}\n</tool_call>\nc"),
            "c ?f{\"a\": \"b}}");
  EXPECT_EQ(hermes("<tool_call>{\"name\": \"f\", \"arguments\": 7}</tool_call>"), "7} ?f");
  EXPECT_EQ(hermes("<tool_call>{\"nam"), "{\"nam");
}

TEST(OutputParser, HermesCutByLengthIsUnfinished) {
  EXPECT_EQ(hermes("<tool_call>\n{\"na", false, true), "");
  EXPECT_EQ(hermes("<tool_call>\n{\"name\": \"ge", false, true), " ?ge");
  EXPECT_EQ(hermes("<tool_call>\n{\"name\": \"get\", \"arguments\": {\"ci", false, true), " ?get{\"ci");
  EXPECT_EQ(hermes("<tool_call>\n{\"name\": \"get\", \"arguments\": {}}\n</to", false, true), " get{}");
}

TEST(OutputParser, ArgumentsComeAsTheyAreWritten) {
  const auto parser = make_output_parser(OutputSyntax::hermes, false);
  EXPECT_TRUE(parser->push("<tool_call>\n{\"name\": \"f").empty());
  const auto name = parser->push("\", \"arguments\": {\"a\"");
  ASSERT_EQ(name.size(), 2u);
  EXPECT_EQ(name[0].kind, OutputPiece::Kind::call);
  EXPECT_EQ(name[0].text, "f");
  EXPECT_EQ(name[1].text, "{\"a\"");
  const auto more = parser->push(": \"hel");
  ASSERT_EQ(more.size(), 1u);
  EXPECT_EQ(more[0].text, ": \"hel");
  EXPECT_EQ(more[0].call, 0);
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
