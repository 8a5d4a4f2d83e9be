// Goal: an answer in any dialect is read as its model meant it, however it is cut; a marker that no call follows is
// text; whatever is done to an answer, nothing before its first call is lost, no marker behind that becomes text, no
// call stays open, and arguments are an object or what the model wrote. Method: random answers written from the
// dialects' own tables, then cut, mutated and read; sentences with markers; examples of what models get wrong.
// AUTARK_DIALECT_ROUNDS is the number of mutated answers over all dialects (10000).
#include <gtest/gtest.h>
#include <cstdlib>
#include "base/sanitized.h"
#include "text/dialect.h"
#include "text/stream.h"
#include "text/tool_types.h"
#include "text/tools/testing.h"

namespace autark::text {
namespace {

std::vector<OutputSyntax> marked() {
  std::vector<OutputSyntax> all;
  for (int i = 0; i < kSyntaxCount; ++i)
    if (dialect_of(OutputSyntax(i)).reader != CallReader::none) all.push_back(OutputSyntax(i));
  return all;
}

std::string_view marker(const Dialect& d, Mark mark) {
  for (const Marker& m : d.markers)
    if (m.mark == mark) return m.text;
  return {};
}

std::shared_ptr<const ToolTypes> types() {
  ToolTypes t;
  const Json text{{"type", "string"}}, number{{"type", "number"}};
  for (const char* name : {"get_weather", "f", "mcp.files-2"})
    t.add({{"name", name}, {"parameters", {{"properties", {{"text", text}, {"n", number}}}}}});
  return std::make_shared<const ToolTypes>(std::move(t));
}

struct Call {
  std::string name;
  Json arguments;
};
struct Meant {
  std::string reasoning, content;
  std::vector<Call> calls;
};

// Writes answers at random, with a seed.
class Writer {
 public:
  explicit Writer(uint32_t seed) : random_(seed) {}

  Meant meant(const Dialect& d) {
    Meant m;
    const bool thinks = !marker(d, Mark::think).empty() || marker(d, Mark::heading) != "";
    if (thinks && below(2)) m.reasoning = words();
    if (below(3)) m.content = words();
    if (m.content.empty() || !d.bare_object)
      for (size_t n = below(4); n > 0; --n) m.calls.push_back({name(), arguments(d)});
    return m;
  }

  size_t below(size_t n) { return std::uniform_int_distribution<size_t>(0, n - 1)(random_); }

 private:
  std::string pick(std::initializer_list<const char*> all) { return all.begin()[below(all.size())]; }
  std::string name() { return pick({"get_weather", "f", "mcp.files-2"}); }
  // Begins and ends with a letter, because line ends around text belong to the markup.
  std::string words() {
    std::string all = "A";
    for (size_t n = below(6); n > 0; --n)
      all +=
          pick({" b", "\n", "<", "</", "<|", "[", "é", "北京", "<tool", "\"", "\\", " {\"a\": 1}", "`", ">"});
    return all + "z";
  }
  Json arguments(const Dialect& d) {
    Json all = Json::object();
    if (below(3)) all["text"] = value_text(d);
    if (below(3)) all["n"] = double(below(100));
    return all;
  }
  // In JSON a string may hold any marker.
  std::string value_text(const Dialect& d) {
    std::string text = words();
    if (d.reader != CallReader::tagged && below(3) == 0)
      text += std::string(d.markers[below(d.markers.size())].text) + "y";
    return text;
  }

  std::mt19937 random_;
};

std::string written(const Dialect& d, const Json& arguments) {
  if (d.shape.json_arguments) return dump_json(arguments);
  std::string all;
  for (const auto& [key, value] : arguments.items())
    all += std::string(d.shape.key) + key + std::string(d.shape.after_key) +
           (value.is_string() ? value.get<std::string>() : dump_json(value)) +
           std::string(d.shape.after_value);
  return all;
}

std::string message(const std::string& channel, const std::string& text) {
  return text.empty() ? text : "<|channel|>" + channel + "<|message|>" + text + "<|end|><|start|>assistant";
}

std::string written(const Dialect& d, const Meant& m) {
  std::string all;
  if (marker(d, Mark::heading) != "")
    all = message("analysis", m.reasoning) + message("final", m.content);
  else if (!m.reasoning.empty())
    all = std::string(marker(d, Mark::think)) + m.reasoning + std::string(marker(d, Mark::think_end)) +
          m.content;
  else
    all = m.content;
  for (size_t i = 0; i < m.calls.size(); ++i) {
    all += i == 0 ? d.shape.named : d.shape.between;
    all += d.shape.json_name ? dump_json(m.calls[i].name) : m.calls[i].name;
    all += std::string(d.shape.after_name) + written(d, m.calls[i].arguments) + std::string(d.shape.call_end);
  }
  if (!m.calls.empty()) all += d.shape.block_end;
  return all;
}

// In the form of show().
std::string expected(const Meant& m) {
  Json j = {{"reasoning", m.reasoning}, {"content", m.content}, {"tool_calls", Json::array()}};
  for (const Call& c : m.calls) j["tool_calls"].push_back({{"name", c.name}, {"arguments", c.arguments}});
  return dump_json(j);
}
std::string with_parsed_arguments(const ParsedOutput& p) {
  Json j = parse_json(show(p), "").value();
  for (Json& c : j["tool_calls"])
    if (auto a = parse_json(c["arguments"].get<std::string>(), "")) c["arguments"] = *a;
  return dump_json(j);
}

Answer answer(OutputSyntax syntax, std::string text, bool cut = false) {
  return {.text = std::move(text), .cut = cut, .syntax = syntax, .types = types()};
}

TEST(Dialects, ReadWhatTheirTablesWrite) {
  for (const OutputSyntax syntax : marked()) {
    const Dialect& d = dialect_of(syntax);
    Writer writer(7);
    for (int i = 0; i < (kSanitized ? 30 : 400); ++i) {
      const Meant m = writer.meant(d);
      const Answer a = answer(syntax, written(d, m));
      ASSERT_EQ(with_parsed_arguments(parse(a, {})), expected(m)) << d.name << int(syntax) << ": " << a.text;
    }
  }
}

TEST(Dialects, CutsDoNotMatter) {
  for (const OutputSyntax syntax : marked()) {
    Writer writer(3);
    for (int i = 0; i < (kSanitized ? 4 : 40); ++i) {
      const std::string text = written(dialect_of(syntax), writer.meant(dialect_of(syntax)));
      for (size_t end = 0; end <= text.size(); ++end) {
        const Answer a = answer(syntax, text.substr(0, end), i % 2 == 0);
        std::vector<size_t> everywhere;
        for (size_t at = 1; at < a.text.size(); ++at) everywhere.push_back(at);
        ASSERT_EQ(show(parse(a, everywhere)), show(parse(a, {}))) << int(syntax) << ": " << a.text;
      }
    }
  }
}

// True if `part` is `whole` with some characters left out.
bool is_part_of(std::string_view part, std::string_view whole) {
  size_t at = 0;
  for (const char c : whole)
    if (at < part.size() && part[at] == c) ++at;
  return at == part.size();
}

// The text as the parser gets it.
std::string repaired(const std::string& bytes) {
  Utf8Stream stream;
  const std::string text = stream.push(bytes);
  return text + stream.flush();
}

// Reasoning and content before the first call, and behind its beginning.
struct Around {
  std::string before, behind;
};
Around around(const Answer& a) {
  const auto parser =
      make_output_parser(a.syntax, {.in_reasoning = a.in_reasoning, .calls = a.calls, .types = a.types});
  Around texts;
  std::string* to = &texts.before;
  for (const bool end : {false, true})
    for (const OutputPiece& p : end ? parser->finish(a.cut) : parser->push(a.text)) {
      if (p.kind == OutputPiece::Kind::call) to = &texts.behind;
      const bool said = p.kind == OutputPiece::Kind::reasoning || p.kind == OutputPiece::Kind::content;
      if (said) *to += p.text;
    }
  return texts;
}

std::string without_line_ends(std::string text) {
  std::erase(text, '\n');
  return text;
}

// Markers around reasoning and content are removed where they stand at their places.
bool surrounds(const Marker& m) {
  return m.mark <= Mark::turn_end || m.mark >= Mark::heading;
}

void expect_no_markup_behind_calls(const Answer& a) {
  const Dialect& d = dialect_of(a.syntax);
  const Around texts = around(a);
  const bool harmony = marker(d, Mark::heading) != "";
  for (const Marker& m : d.markers)
    ASSERT_TRUE(m.inner || texts.behind.find(m.text) == texts.behind.npos)
        << m.text << " in " << texts.behind << "\nof " << a.text;
  for (const Marker& m : d.markers)
    ASSERT_TRUE(!harmony || texts.before.find(m.text) == texts.before.npos) << a.text;
  ASSERT_TRUE(is_part_of(without_line_ends(texts.before), repaired(a.text)))
      << texts.before << "\nof " << a.text;
}

// Without a call and without markers of reasoning everything is text.
void expect_all_without_calls(const ParsedOutput& p, const Answer& a) {
  if (a.cut || !p.tool_calls.empty() || dialect_of(a.syntax).markers.front().mark == Mark::heading) return;
  const std::string text = repaired(a.text);
  for (const Marker& m : dialect_of(a.syntax).markers)
    if (surrounds(m) && text.find(m.text) != text.npos) return;
  ASSERT_EQ(without_line_ends(p.reasoning + p.content), without_line_ends(text));
}

// Arguments are an object, or stand in the answer as they are; markers inside them may be gone.
void expect_arguments(const ParsedOutput& p, const Answer& a) {
  for (const ToolCall& c : p.tool_calls) {
    const auto json = parse_json(c.arguments, "arguments");
    if (json && json->is_object()) continue;
    ASSERT_TRUE(is_part_of(c.arguments, repaired(a.text))) << c.arguments << "\nof " << a.text;
  }
}

int rounds() {
  const char* asked = std::getenv("AUTARK_DIALECT_ROUNDS");
  return asked ? std::atoi(asked) : kSanitized ? 1500 : 10000;
}

TEST(Dialects, MutatedAnswersLoseAndLeakNothing) {
  const auto all = marked();
  for (size_t s = 0; s < all.size(); ++s) {
    const Dialect& d = dialect_of(all[s]);
    std::vector<std::string> marks{"\n", "{", "}", "\"",       "'", "\\",         ",",
                                   "[",  "]", "`", "\xF0\x9F", "é", "\"name\": ", "\"arguments\": ",
                                   "<",  ">", "|", " "};
    for (const Marker& m : d.markers)
      for (int weight = 0; weight < 3; ++weight) marks.emplace_back(m.text);
    Writer writer(unsigned(s) + 1);
    Mutator mutator(unsigned(s) + 1, marks);
    for (int i = 0; i < rounds() / int(all.size()); ++i) {
      Answer a = answer(all[s], written(d, writer.meant(d)), mutator.below(2) == 0);
      a.in_reasoning = mutator.below(4) == 0;
      for (size_t n = mutator.below(4); n > 0; --n) mutator.mutate(a.text);
      const ParsedOutput p = parse(a, mutator.cuts(a.text.size()));
      ASSERT_EQ(show(p), show(parse(a, {}))) << d.name << ": " << a.text;
      ASSERT_TRUE(a.cut || p.partial.empty()) << d.name << ": " << a.text;
      expect_no_markup_behind_calls(a);
      expect_all_without_calls(p, a);
      expect_arguments(p, a);
      if (HasFatalFailure()) return;
    }
  }
}

// Whatever comes behind the beginning of the arguments.
TEST(Dialects, ACallWhoseNameIsKnownIsACall) {
  for (const OutputSyntax syntax : marked()) {
    const Dialect& d = dialect_of(syntax);
    Writer writer(11);
    std::vector<std::string> marks{"\n", "{", "}", "\"", "\\", ",", "]", "`", " "};
    for (const Marker& m : d.markers) marks.emplace_back(m.text);
    Mutator mutator(11, marks);
    for (int i = 0; i < (kSanitized ? 30 : 300); ++i) {
      const Meant m{{}, {}, {{"get_weather", Json{{"text", "ab c"}, {"n", 1.0}}}, {"f", Json{{"n", 2.0}}}}};
      const std::string text = written(d, m);
      const std::string begin = d.shape.json_arguments ? "{" : std::string(d.shape.key);
      const size_t from = text.find(begin, text.find(d.shape.after_name)) + begin.size();
      std::string rest = text.substr(from);
      for (size_t n = mutator.below(5); n > 0; --n) mutator.mutate(rest);
      const Answer a{.text = text.substr(0, from) + rest, .syntax = syntax, .types = types()};
      const ParsedOutput p = parse(a, {});
      ASSERT_FALSE(p.tool_calls.empty()) << a.text;
      ASSERT_EQ(p.tool_calls[0].name, "get_weather") << a.text;
    }
  }
}

std::string says(OutputSyntax syntax, const std::string& text, bool in_reasoning = false, bool cut = false) {
  Answer a = answer(syntax, text, cut);
  a.in_reasoning = in_reasoning;
  return spoken(a);
}

TEST(Dialects, TextWithoutMarkersIsContent) {
  for (const OutputSyntax syntax : marked())
    for (const bool cut : {false, true}) {
      EXPECT_EQ(says(syntax, "\nHello, 5 < 6 & [a] {b}!\n\n", false, cut), "\nHello, 5 < 6 & [a] {b}!\n\n");
      EXPECT_EQ(says(syntax, "", false, cut), "");
    }
}

TEST(Dialects, ACallThatIsCutOffIsUnfinished) {
  EXPECT_EQ(says(OutputSyntax::glm4, "<tool_call>get_wea", false, true), " ?get_wea");
  EXPECT_EQ(says(OutputSyntax::glm4, "<tool_call>f\n<arg_key>text</arg_key><arg_value>a<", false, true),
            " ?f{\"text\": \"a<");
  EXPECT_EQ(says(OutputSyntax::kimi_k2, "a<|tool_call_begin|>functions.f:0<|tool_call_argument_begin|>{\"x",
                 false, true),
            "a ?f{\"x");
  EXPECT_EQ(says(OutputSyntax::harmony, "<|channel|>commentary to=functions.f", false, true), " ?f");
  EXPECT_EQ(says(OutputSyntax::deepseek_v3, "<｜tool▁call▁begin｜>funct", false, true), "");
  EXPECT_EQ(says(OutputSyntax::hunyuan, "a <tool_ca", false, true), "a ");
}

TEST(Dialects, TakeWhatModelsGetWrong) {
  EXPECT_EQ(says(OutputSyntax::glm4, "Hm.<tool_call>f\n</tool_call>ok", true), "[Hm.]ok f{}");
  EXPECT_EQ(says(OutputSyntax::glm4, "<tool_call>f</tool_call>"), " f{}");
  EXPECT_EQ(says(OutputSyntax::glm4, "<tool_call>f"), " f{}");
  EXPECT_EQ(says(OutputSyntax::glm4, "<tool_call>f\n<arg_key>n</arg_key>5</arg_value></tool_call>"),
            " f{\"n\": 5}");
  EXPECT_EQ(says(OutputSyntax::glm4, "<tool_call>f</tool_call><tool_call>two words</tool_call>"),
            "two words f{}");
  EXPECT_EQ(says(OutputSyntax::glm4, "<tool_call>{\"name\": \"f\", \"arguments\": {\"a\": 1}}</tool_call>"),
            " f{\"a\": 1}");
  EXPECT_EQ(says(OutputSyntax::qwen3_coder,
                 "<function=f>\n<parameter=text>\na</parameter>b\n</parameter>\n</function>"),
            " f{\"text\": \"a</parameter>b\"}");
  EXPECT_EQ(says(OutputSyntax::qwen3_coder,
                 "<tool_call>\n<function=f>\n<parameter=n>\n1\n</function>\n</"
                 "tool_call>\n<tool_call>\n<function=f>\n"
                 "</function>\n</tool_call>"),
            " f{\"n\": 1} f{}");
  EXPECT_EQ(says(OutputSyntax::deepseek_v3_1,
                 "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>f<｜tool▁sep｜>{\"a\": \"b"
                 "<｜tool▁call▁end｜><｜tool▁calls▁end｜>"),
            " f{\"a\": \"b\"}");
  EXPECT_EQ(
      says(OutputSyntax::deepseek_v3, "<｜tool▁call▁begin｜>f<｜tool▁sep｜>{'a': True}<｜tool▁call▁end｜>"),
      " f{\"a\": true}");
  EXPECT_EQ(says(OutputSyntax::kimi_k2,
                 "<|tool_call_section_begin|><|tool_call_begin|>f:12<|tool_call_argument_begin|>"
                 "no json<|tool_call_end|>"),
            " fno json");
  EXPECT_EQ(says(OutputSyntax::minimax_m2, "<invoke name=\"f\"><parameter name=\"n\">7</invoke>ok"),
            "ok f{\"n\": 7}");
}

TEST(Dialects, ValuesHaveTheTypesOfTheSchema) {
  const auto value = [](const std::string& key, const std::string& written) {
    return says(OutputSyntax::glm4, "<tool_call>f\n<arg_key>" + key + "</arg_key>\n<arg_value>" + written +
                                        "</arg_value>\n</tool_call>");
  };
  EXPECT_EQ(value("text", "12"), " f{\"text\": \"12\"}");
  EXPECT_EQ(value("text", "\"q\""), " f{\"text\": \"\\\"q\\\"\"}");
  EXPECT_EQ(value("n", "True"), " f{\"n\": true}");
  EXPECT_EQ(value("n", "five"), " f{\"n\": \"five\"}");
  EXPECT_EQ(value("any", "12"), " f{\"any\": 12}");
  EXPECT_EQ(value("any", "True"), " f{\"any\": \"True\"}");
  EXPECT_EQ(value("any", "[1, {\"a\": null}]"), " f{\"any\": [1, {\"a\": null}]}");
}

TEST(Dialects, HarmonyReadsChannelsAndRecipients) {
  const auto h = [](const std::string& text) { return says(OutputSyntax::harmony, text); };
  EXPECT_EQ(h("<|channel|>analysis<|message|>Hm.<|end|><|start|>assistant<|channel|>final<|message|>Yes.<|"
              "return|>"),
            "[Hm.]Yes.");
  EXPECT_EQ(h(" to=functions.f<|channel|>commentary json<|message|>{\"a\": 1}<|call|>"), " f{\"a\": 1}");
  EXPECT_EQ(
      h("<|channel|>commentary<|message|>I look.<|end|><|start|>assistant<|channel|>commentary to=python "
        "code<|message|>print(1)<|call|>"),
      "I look. pythonprint(1)");
  EXPECT_EQ(h(" to be"), " to be");
  EXPECT_EQ(h("<|channel|>final Hello"), "Hello");
}

TEST(Dialects, Llama3TellsCallsFromObjects) {
  const auto l = [](const std::string& text) { return says(OutputSyntax::llama3, text); };
  EXPECT_EQ(l("{\"name\": \"f\", \"parameters\": {\"a\": 1}}"), " f{\"a\": 1}");
  EXPECT_EQ(l("\n{\"type\": \"function\", \"name\": \"f\", \"parameters\": {}}; {\"name\": \"f\", "
              "\"parameters\": {}}"),
            " f{} f{}");
  EXPECT_EQ(l("{\"name\": \"Bob\", \"parameters\": {}}"), "{\"name\": \"Bob\", \"parameters\": {}}")
      << "no tool";
  EXPECT_EQ(l("{\"name\": \"f\"}"), "{\"name\": \"f\"}");
  EXPECT_EQ(l("{\"city\": \"f\"}"), "{\"city\": \"f\"}");
  EXPECT_EQ(l("So: {\"name\": \"f\", \"parameters\": {}}"), "So: {\"name\": \"f\", \"parameters\": {}}");
  EXPECT_EQ(l("So: <|python_tag|>{\"name\": \"f\", \"parameters\": {}}<|eom_id|>"), "So:  f{}");
}

TEST(Dialects, MistralHasThreeForms) {
  const auto m = [](const std::string& text) { return says(OutputSyntax::mistral, text); };
  EXPECT_EQ(m("[TOOL_CALLS]f[ARGS]{\"a\": 1}[TOOL_CALLS]g[ARGS]{}"), " f{\"a\": 1} g{}");
  EXPECT_EQ(m("[TOOL_CALLS]f[CALL_ID]abc123xyz[ARGS]{\"a\": 1}"), " f{\"a\": 1}");
  EXPECT_EQ(
      m("[TOOL_CALLS] [{\"name\": \"f\", \"arguments\": {\"a\": 1}, \"id\": \"x\"}, {\"name\": \"g\"}]"),
      " f{\"a\": 1} g{}");
}

TEST(Dialects, HunyuanThinksAboutCallsWithoutMakingThem) {
  EXPECT_EQ(says(OutputSyntax::hunyuan,
                 "<think>\nI may <tool_calls>[{\"name\": \"f\"}]</tool_calls>\n</think>\n<answer>\n"
                 "Yes.\n</answer>"),
            "[I may <tool_calls>[{\"name\": \"f\"}]</tool_calls>]Yes.");
}

TEST(Dialects, ArgumentsThatAreNotBetweenTheirTags) {
  for (const char* text : {"<tool_call>f\n{\"a\": 1}\n</tool_call>", "<tool_call>f{\"a\": 1}</tool_call>",
                           "<tool_call>f\n{'a': 1,}</tool_call>"}) {
    EXPECT_EQ(says(OutputSyntax::glm4, text), std::string(" f{\"a\": 1}")) << text;
    EXPECT_EQ(spoken({.text = text, .syntax = OutputSyntax::glm4}), " f{\"a\": 1}") << text;
  }
  EXPECT_EQ(says(OutputSyntax::glm4, "<tool_call>f\ncity: Rome\n</tool_call>"), " fcity: Rome");
  EXPECT_EQ(says(OutputSyntax::glm4, "<tool_call>f\n{\"a\": \"</tool_call>\"}</tool_call>ok"),
            "ok f{\"a\": \"</tool_call>\"}");
  EXPECT_EQ(says(OutputSyntax::hy3, "<tool_call>f<tool_sep>\n{\"a\": 1}\n</tool_call>"), " f{\"a\": 1}");
  EXPECT_EQ(says(OutputSyntax::qwen3_coder, "<function=f>{\"a\": 1}</function>"), " f{\"a\": 1}");
  EXPECT_EQ(
      says(OutputSyntax::qwen3_coder, "<tool_call>\n<function=f>\n{\"a\": tru!}\n</function>\n</tool_call>"),
      " f{\"a\": tru!}");
  EXPECT_EQ(says(OutputSyntax::minimax_m2,
                 "<minimax:tool_call>\n<invoke name=\"f\">{\"a\": 1}</invoke>\n</minimax:tool_call>"),
            " f{\"a\": 1}");
}

TEST(Dialects, AStreamRunsAheadOnceACallIsCertain) {
  const auto stream = [](OutputSyntax syntax, std::initializer_list<const char*> parts) {
    const auto parser = make_output_parser(syntax, {.types = types()});
    std::string out;
    for (const char* part : parts) {
      for (const OutputPiece& p : parser->push(part)) out += p.text;
      out += "|";
    }
    return out;
  };
  EXPECT_EQ(stream(OutputSyntax::glm4, {"Hm. <tool_call>f", "\n<arg_key>", "text</arg_key>",
                                        "<arg_value>a</arg_value>", "</tool_call>"}),
            "Hm. |f|||{\"text\": \"a\"}|");
  EXPECT_EQ(stream(OutputSyntax::kimi_k2, {"<|tool_call_begin|>functions.f:0", "<|tool_call_argument_begin|>",
                                           "{\"text\": \"a", "b"}),
            "|f|{\"text\": \"a|b|");
  EXPECT_EQ(stream(OutputSyntax::mistral, {"[TOOL_CALLS]nobody[ARGS]{", "\"a\": 1", "}", "\n"}),
            "||nobody{\"a\": 1}||");
}

// With the tools known and not, with calls wanted and not.
void expect_text(OutputSyntax syntax, const std::string& text) {
  EXPECT_EQ(says(syntax, text), text);
  EXPECT_EQ(spoken({.text = text, .syntax = syntax}), text);
  EXPECT_EQ(spoken({.text = text, .calls = false, .syntax = syntax}), text);
}

TEST(F02_DialectText, MarkersInSentencesAreText) {
  for (const OutputSyntax syntax : marked()) {
    const Dialect& d = dialect_of(syntax);
    if (marker(d, Mark::heading) != "") continue;
    for (const Marker& m : d.markers) {
      const std::string mark(m.text);
      expect_text(syntax, "The marker is " + mark + ".");
      expect_text(syntax,
                  "The marker " + mark + " is one of " + mark + " and\n" + mark + ", `" + mark + "`.");
      if (m.mark != Mark::turn_end) expect_text(syntax, "It is " + mark);
    }
    for (const Marker& begin : d.markers)
      for (const Marker& end : d.markers)
        expect_text(syntax,
                    "Each stands between " + std::string(begin.text) + " and " + std::string(end.text) + ".");
  }
}

TEST(F02_DialectText, FormsWithPlaceholdersAreText) {
  for (const char* text :
       {"Each call goes between <tool_call> and </tool_call>.", "Write <tool_call>NAME and so on.",
        "<tool_call>", "</tool_call>", "<tool_call>\n<tool_call>", "a <arg_key> b"})
    expect_text(OutputSyntax::glm4, text);
  EXPECT_EQ(says(OutputSyntax::glm4, "Write <tool_call>NAME</tool_call>."),
            "Write <tool_call>NAME</tool_call>.");
  for (const char* text :
       {"Write <function=NAME> first, then more.", "Write <function=get_weather> first, then more.",
        "<tool_call>\n<function=NAME>", "Say <function= to call."})
    expect_text(OutputSyntax::qwen3_coder, text);
  for (const char* text :
       {"The marker is [TOOL_CALLS].", "[TOOL_CALLS]", "[TOOL_CALLS] [ARGS]", "[TOOL_CALLS][not a call]",
        "[TOOL_CALLS]NAME[ARGS] is the form.", "[TOOL_CALLS]NAME"})
    expect_text(OutputSyntax::mistral, text);
  for (const char* text :
       {"<tool_calls>[{\"name\": 7}]</tool_calls>", "<tool_calls>[]</tool_calls>", "`<tool_calls>[`, then"})
    expect_text(OutputSyntax::hunyuan, text);
  for (const char* text :
       {"<tool_call>{\"name\": <name>, \"arguments\": {…}}</tool_call>", "<tool_call>{\"a\": 1}"})
    expect_text(OutputSyntax::ernie, text);
}

TEST(F02_DialectText, CallsOfOtherNamesMustBeWhole) {
  const std::string whole = "<tool_call>nobody\n<arg_key>a</arg_key>\n<arg_value>1</arg_value>\n</tool_call>";
  EXPECT_EQ(says(OutputSyntax::glm4, whole), " nobody{\"a\": 1}");
  const std::string half = whole.substr(0, whole.rfind("</arg_value>"));
  EXPECT_EQ(says(OutputSyntax::glm4, half), half);
  EXPECT_EQ(spoken({.text = half, .syntax = OutputSyntax::glm4}), " nobody{\"a\": 1}")
      << "no tools are known";
  EXPECT_EQ(says(OutputSyntax::mistral, "[TOOL_CALLS]nobody[ARGS]{\"a\": 1"),
            "[TOOL_CALLS]nobody[ARGS]{\"a\": 1");
  EXPECT_EQ(says(OutputSyntax::mistral, "[TOOL_CALLS]nobody[ARGS]{\"a\": 1}"), " nobody{\"a\": 1}");
}

TEST(F02_DialectText, CallsBehindThemAreRead) {
  EXPECT_EQ(says(OutputSyntax::glm4, "A <tool_call> it is:\n<tool_call>f</tool_call>"),
            "A <tool_call> it is: f{}");
  EXPECT_EQ(says(OutputSyntax::glm4, "<tool_call>\n<tool_call>f</tool_call></tool_call>"), " f{}")
      << "doubled";
  EXPECT_EQ(says(OutputSyntax::mistral, "Say [TOOL_CALLS]. [TOOL_CALLS]f[ARGS]{}"), "Say [TOOL_CALLS].  f{}");
  EXPECT_EQ(says(OutputSyntax::hunyuan,
                 "<answer>\nThe <tool_calls> it is.\n</answer>\n<tool_calls>[{\"name\": \"f\"}]"
                 "</tool_calls>"),
            "The <tool_calls> it is. f{}");
}

TEST(F02_DialectText, ManyMarkersCostNoMoreThanAFewReadings) {
  std::string text;
  for (int i = 0; i < 4000; ++i) text += "<tool_call>nobody\n<arg_key>a</arg_key><arg_value>x";
  expect_text(OutputSyntax::glm4, "");
  EXPECT_EQ(parse(answer(OutputSyntax::glm4, text), {}).content, text);
}

TEST(F02_DialectText, OnlyTheFrameOfTheContentIsRemoved) {
  const auto plain = [](const std::string& text, bool in_reasoning = false) {
    return spoken(
        {.text = text, .in_reasoning = in_reasoning, .calls = false, .syntax = OutputSyntax::ernie});
  };
  const std::string inside =
      "The tags <response> and </response> are\naround it, <think> and </think> are not.";
  EXPECT_EQ(plain("<response>\n" + inside + "\n</response>\n"), inside);
  EXPECT_EQ(plain("Hm.\n</think>\n\n<response>\n" + inside + "\n</response>", true), "[Hm.]" + inside);
  EXPECT_EQ(plain("<response>a</response> b"), "a</response> b");
  EXPECT_EQ(plain(inside), inside);
}

TEST(F02_DialectText, ReasoningComesFirstAndOnce) {
  for (const bool calls : {false, true}) {
    const auto read = [&](const std::string& text, bool in_reasoning = false) {
      return spoken(
          {.text = text, .in_reasoning = in_reasoning, .calls = calls, .syntax = OutputSyntax::glm4});
    };
    EXPECT_EQ(read("<think>Hm.</think>Say <think>a</think>."), "[Hm.]Say <think>a</think>.");
    EXPECT_EQ(read("Hm.</think></think>\nYes.", true), "[Hm.]Yes.");
    EXPECT_EQ(read("Hm.</think><think> is a tag.", true), "[Hm.]<think> is a tag.");
    EXPECT_EQ(read("<think>A <think> in it.</think>b"), "[A <think> in it.]b");
  }
  const auto parser = make_output_parser(OutputSyntax::glm4, {.reasoned = true});
  auto pieces = parser->push("<think> opens reasoning.");
  for (auto& p : parser->finish(false)) pieces.push_back(std::move(p));
  EXPECT_EQ(gather(pieces).content, "<think> opens reasoning.");
}

TEST(Dialects, WithoutCallsTheirMarkupIsText) {
  for (const OutputSyntax syntax : marked()) {
    const Dialect& d = dialect_of(syntax);
    if (marker(d, Mark::heading) != "") continue;
    Answer a = answer(syntax, written(d, Meant{{}, {}, {{"f", Json{{"n", 1.0}}}}}));
    a.calls = false;
    EXPECT_EQ(spoken(a), a.text);
  }
}

}  // namespace
}  // namespace autark::text
