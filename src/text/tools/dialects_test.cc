// Goal: an answer in any dialect is read as its model meant it, however it is cut; whatever is done to it, no
// marker becomes text, no call stays open, and arguments are an object or what the model wrote. Method: random
// answers written from the dialects' own tables, then cut, mutated and read; examples of what models get wrong.
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

void expect_no_markup(const ParsedOutput& p, const Answer& a) {
  for (const Marker& m : dialect_of(a.syntax).markers)
    for (const std::string* text : {&p.content, &p.reasoning})
      ASSERT_TRUE(m.inner || text->find(m.text) == text->npos)
          << m.text << " in " << *text << "\nof " << a.text;
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

// Arguments are an object, or stand in the answer as they are; markers inside them may be gone.
void expect_arguments(const ParsedOutput& p, const Answer& a) {
  const Dialect& d = dialect_of(a.syntax);
  for (const ToolCall& c : p.tool_calls) {
    const auto json = parse_json(c.arguments, "arguments");
    if (json && json->is_object()) continue;
    ASSERT_NE(d.reader, CallReader::tagged) << c.arguments << "\nof " << a.text;
    ASSERT_TRUE(is_part_of(c.arguments, repaired(a.text))) << c.arguments << "\nof " << a.text;
  }
}

int rounds() {
  const char* asked = std::getenv("AUTARK_DIALECT_ROUNDS");
  return asked ? std::atoi(asked) : kSanitized ? 1500 : 10000;
}

TEST(Dialects, MutatedAnswersLeakNothing) {
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
      expect_no_markup(p, a);
      expect_arguments(p, a);
      if (HasFatalFailure()) return;
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
  EXPECT_EQ(says(OutputSyntax::glm4, "<tool_call>two words</tool_call>"), "two words");
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
            "[I may [{\"name\": \"f\"}]]Yes.");
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
