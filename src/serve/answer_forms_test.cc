// Goal: calls of strict, forced and single tools have the form of the model's syntax and of the tool's schema,
// wherever the answer begins. Method: a tokenizer of bytes and the marks of calls. Random answers are drawn from
// the masks and read by the parser of the syntax: each must be calls of the request's tools, with arguments that
// fit.
#include "serve/answer_forms.h"
#include <gtest/gtest.h>
#include <random>
#include <regex>
#include "api/openai_responses_input.h"
#include "base/check.h"
#include "serve/fake_engine.h"
#include "text/dialect.h"
#include "text/tool_types.h"

namespace autark::serve {
namespace {

using Mode = api::ToolChoice::Mode;
using text::OutputSyntax;

constexpr int32_t kMarks = 258;

// The marks of calls that are tokens of a syntax; the inner ones of some families are ordinary text.
std::vector<std::string> marks_of(OutputSyntax syntax) {
  using text::Mark;
  std::vector<std::string> marks;
  for (const text::Marker& m : text::dialect_of(syntax).markers) {
    const bool said = m.mark == Mark::think || m.mark == Mark::think_end || m.text == "[e~[";
    if (!said && !m.inner && !m.text.starts_with("<invoke") && !m.text.starts_with("<function="))
      marks.emplace_back(m.text);
  }
  return marks;
}

class MarksTokenizer : public ByteTokenizer {
 public:
  explicit MarksTokenizer(std::vector<std::string> marks) : marks_(std::move(marks)) {}
  Result<std::vector<int32_t>> encode(std::string_view text, text::EncodeOptions o) const override {
    std::vector<int32_t> ids;
    while (!text.empty()) {
      const auto mark = std::ranges::find_if(marks_, [&](const auto& s) { return text.starts_with(s); });
      const bool whole = o.parse_special && mark != marks_.end();
      ids.push_back(whole ? int32_t(kMarks + (mark - marks_.begin())) : uint8_t(text[0]));
      text.remove_prefix(whole ? mark->size() : 1);
    }
    return ids;
  }
  int64_t size() const override { return kMarks + int32_t(marks_.size()); }
  std::string bytes_of(int32_t id) const override {
    return id < kMarks ? ByteTokenizer::bytes_of(id) : marks_[size_t(id - kMarks)];
  }
  bool is_special(int32_t id) const override { return id >= kBegin; }
  std::optional<int32_t> id_of(std::string_view spelling) const override {
    const auto mark = std::ranges::find(marks_, spelling);
    return mark == marks_.end() ? std::nullopt : std::optional(kMarks + int32_t(mark - marks_.begin()));
  }

 private:
  std::vector<std::string> marks_;
};

api::Tool tool(const char* name, bool strict) {
  return {.name = name,
          .function = parse_json(R"({"parameters":{"type":"object","additionalProperties":false,
             "properties":{"mode":{"enum":["read","write"]},"n":{"type":"integer","minimum":0,"maximum":9}},
             "required":["mode","n"]}})",
                                 "tool")
                          .value(),
          .strict = strict};
}

api::Request request(Mode mode, bool strict, bool parallel = true) {
  api::Request r{.items = {{api::Role::user, {api::Text{"a"}}}}};
  r.tools = {tool("open", strict), tool("other", strict)};
  r.tool_choice = {mode, mode == Mode::named ? "other" : ""};
  r.parallel_calls = parallel;
  return r;
}

struct Bench {
  explicit Bench(OutputSyntax syntax) : syntax(syntax) {
    text.tokenizer = std::make_unique<MarksTokenizer>(marks_of(syntax));
    text.end_tokens = {ByteTokenizer::kBegin};
  }
  AnswerReader::Rules rules(const api::Request& r, bool in_reasoning) const {
    AnswerReader::Rules rules{.syntax = syntax, .in_reasoning = in_reasoning};
    const api::Tool* named = r.tool_choice.mode == Mode::named ? &r.tools[1] : nullptr;
    const bool forced = named || r.tool_choice.mode == Mode::required;
    if (forced && !in_reasoning) rules.opening = call_opening(syntax, named);
    return rules;
  }
  std::shared_ptr<engine::Constraint> constraint(const api::Request& r, const AnswerReader::Rules& rules) {
    auto asked = forms.asked(r, rules);
    AUTARK_CHECK(std::holds_alternative<AnswerForms::Asked>(asked));
    const auto& a = std::get<AnswerForms::Asked>(asked);
    auto masks = forms.compile(a);
    if (auto* fault = std::get_if<api::ApiError>(&masks)) ADD_FAILURE() << fault->message;
    AUTARK_CHECK(std::holds_alternative<AnswerMasks>(masks));
    const auto constrain = forms.constrain(a, std::get<AnswerMasks>(masks));
    return constrain ? constrain(Prompt{.answer = rules}) : nullptr;
  }
  // `begin`, and what the masks allow after it. The answer ends where it may; then `ended` is set.
  std::string drawn(engine::Constraint& c, const std::string& begin, uint32_t seed) const {
    std::mt19937 random(seed);
    std::vector<int32_t> ids = text.tokenizer->encode(begin, {.parse_special = true}).value();
    ended = false;
    while (ids.size() < 600) {
      const auto mask = c.after(ids);
      if (!mask) return mask.error().message;
      if (ended = mask->allows(ByteTokenizer::kBegin); ended) break;
      std::vector<int32_t> may;
      for (int32_t id = 0; id < text.tokenizer->size(); ++id)
        if (mask->allows(id) && !(id < 128 && std::isspace(id))) may.push_back(id);
      if (may.empty()) may.push_back(mask->allows('\n') ? '\n' : ' ');
      ids.push_back(may[random() % may.size()]);
    }
    std::string all;
    for (const int32_t id : ids) all += text.tokenizer->bytes_of(id);
    return all;
  }
  text::ParsedOutput read(const AnswerReader::Rules& r, const std::string& answer) const {
    auto types = std::make_shared<text::ToolTypes>();
    for (const char* name : {"open", "other"}) {
      Json function = tool(name, true).function;
      function["name"] = name;
      types->add(function);
    }
    const auto parser = text::make_output_parser(syntax, {.in_reasoning = r.in_reasoning, .types = types});
    auto pieces = parser->push(r.opening + answer);
    for (auto& p : parser->finish(false)) pieces.push_back(std::move(p));
    return text::gather(pieces);
  }

  const OutputSyntax syntax;
  text::ModelText text;
  AnswerForms forms{text, int64_t(kMarks + marks_of(syntax).size()), {}};
  mutable bool ended = false;  // the last answer
};

void expect_fits(const text::ToolCall& call, const std::string& answer) {
  const auto arguments = parse_json(call.arguments, "arguments");
  ASSERT_TRUE(arguments && arguments->is_object()) << answer;
  EXPECT_EQ(arguments->size(), 2u) << answer;
  const std::string mode = arguments->value("mode", "");
  EXPECT_TRUE(mode == "read" || mode == "write") << answer;
  const Json n = arguments->value("n", Json());
  EXPECT_TRUE(n.is_number_unsigned() && n <= 9) << answer;
}

std::string opener(OutputSyntax s) {
  if (s == OutputSyntax::dsml) return "\n\n<｜DSML｜";
  return s == OutputSyntax::hermes ? "<tool_call>" : std::string(text::call_opener(s));
}

std::string think_end(OutputSyntax s) {
  for (const text::Marker& m : text::dialect_of(s).markers)
    if (m.mark == text::Mark::think_end &&
        m.text.ends_with(":opensource>") == (s == OutputSyntax::hy3_opensource))
      return std::string(m.text);
  return "";
}
bool thinks(OutputSyntax s) {
  return !think_end(s).empty();
}
// Reasoning with what is no call there, and its end.
std::string thought(OutputSyntax s) {
  const bool tables = s != OutputSyntax::hermes && s != OutputSyntax::dsml;
  const bool calls = tables && text::dialect_of(s).thoughts_hold_calls;
  return (calls ? "Hm <tool {" : "Hm <tool_call> {") + think_end(s);
}

class CallForms : public ::testing::TestWithParam<int> {};

TEST_P(CallForms, StrictCallsFitAfterFreeText) {
  Bench b{static_cast<OutputSyntax>(GetParam())};
  const api::Request r = request(Mode::automatic, true, false);
  const auto rules = b.rules(r, false);
  for (uint32_t seed = 0; seed < 20; ++seed) {
    const auto c = b.constraint(r, rules);
    ASSERT_TRUE(c);
    const std::string said =
        text::dialect_of(b.syntax).bare_object || b.syntax == OutputSyntax::harmony ? "" : "I look {";
    const auto begin = b.text.tokenizer->encode(said).value();
    EXPECT_TRUE(c->after(begin)->bits.empty()) << "text is free";
    const std::string answer = b.drawn(*c, said + opener(b.syntax), seed);
    const auto parsed = b.read(rules, answer);
    EXPECT_EQ(parsed.content, said) << answer;
    ASSERT_EQ(parsed.tool_calls.size(), 1u) << answer;
    expect_fits(parsed.tool_calls[0], answer);
  }
}

TEST_P(CallForms, ForcedCallsAreMade) {
  Bench b{static_cast<OutputSyntax>(GetParam())};
  for (const bool reasons : {false, true}) {
    if (reasons && !thinks(b.syntax)) continue;
    for (const Mode mode : {Mode::required, Mode::named}) {
      const api::Request r = request(mode, true, false);
      const auto rules = b.rules(r, reasons);
      for (uint32_t seed = 0; seed < 10; ++seed) {
        const auto c = b.constraint(r, rules);
        ASSERT_TRUE(c);
        const std::string answer = b.drawn(*c, reasons ? thought(b.syntax) : "", seed);
        const auto parsed = b.read(rules, answer);
        ASSERT_EQ(parsed.tool_calls.size(), 1u) << answer;
        EXPECT_EQ(parsed.content, "");
        if (mode == Mode::named) {
          EXPECT_EQ(parsed.tool_calls[0].name, "other");
        }
        expect_fits(parsed.tool_calls[0], answer);
      }
    }
  }
}

// JSON sets no limit to numbers, the reader does: large exponents are left out.
std::string readable(const std::string& json) {
  return std::regex_replace(json, std::regex("([0-9])[eE][+-]?[0-9]{3,}"), "$1");
}

// Clients without strict tools force one to get an object of its schema.
TEST_P(CallForms, ForcedCallsThatAreNotStrictFitTheirSchema) {
  Bench b{static_cast<OutputSyntax>(GetParam())};
  const api::Request r = request(Mode::named, false, false);
  const auto rules = b.rules(r, false);
  for (uint32_t seed = 0; seed < 10; ++seed) {
    const std::string answer = b.drawn(*b.constraint(r, rules), "", seed);
    const auto parsed = b.read(rules, answer);
    ASSERT_EQ(parsed.tool_calls.size(), 1u) << answer;
    expect_fits(parsed.tool_calls[0], answer);
  }
}

// Where a schema of a tool that is not strict cannot be kept, arguments are any object.
TEST_P(CallForms, ForcedCallsThatAreNotStrictAreCalls) {
  Bench b{static_cast<OutputSyntax>(GetParam())};
  api::Request r = request(Mode::required, false);
  r.tools[0].function["parameters"]["properties"]["n"] = Json{{"not", Json::object()}};
  const auto rules = b.rules(r, thinks(b.syntax));
  int ended = 0;
  for (uint32_t seed = 0; seed < 40; ++seed) {
    const std::string answer =
        b.drawn(*b.constraint(r, rules), thinks(b.syntax) ? thought(b.syntax) : "", seed);
    if (!b.ended) continue;  // a long text
    const auto parsed = b.read(rules, answer);
    ++ended;
    for (const auto& call : parsed.tool_calls)
      EXPECT_TRUE(parse_json(readable(call.arguments), "arguments")) << answer;
  }
  EXPECT_GT(ended, 5);
}

TEST_P(CallForms, NothingIsHeldThatWasNotAsked) {
  Bench b{static_cast<OutputSyntax>(GetParam())};
  const api::Request r = request(Mode::automatic, false);
  EXPECT_FALSE(b.constraint(r, b.rules(r, false)));
  const api::Request none = request(Mode::none, true);
  auto rules = b.rules(none, false);
  rules.calls = false;
  EXPECT_FALSE(b.constraint(none, rules));
}

TEST_P(CallForms, AFaultNamesTheTool) {
  Bench b{static_cast<OutputSyntax>(GetParam())};
  api::Request r = request(Mode::automatic, true);
  r.tools[0].function["parameters"]["properties"]["n"] = Json{{"not", Json::object()}};
  auto asked = b.forms.asked(r, b.rules(r, false));
  const auto masks = b.forms.compile(std::get<AnswerForms::Asked>(asked));
  const auto* fault = std::get_if<api::ApiError>(&masks);
  ASSERT_TRUE(fault);
  EXPECT_EQ(fault->param, "tools");
  EXPECT_NE(fault->message.find("open"), std::string::npos) << fault->message;
  EXPECT_NE(fault->message.find("/properties/n/not"), std::string::npos) << fault->message;
}

// The input of a custom tool is a text of its grammar, with characters that JSON escapes.
TEST_P(CallForms, InputsOfCustomToolsAreTextsOfTheirGrammar) {
  Bench b{static_cast<OutputSyntax>(GetParam())};
  api::Request r = request(Mode::automatic, true, false);
  r.tools[0] = {
      .name = "open",
      .function = {{"parameters", {{"type", "object"}, {"properties", {{"input", Json::object()}}}}}},
      .custom = true,
      .strict = true};
  r.tools[0].function["parameters"]["properties"]["input"]["lark"] =
      "start: BEGIN line{1,3} \"end\"\nBEGIN: \"begin\" LF\nline: /[+\\\\\"-]{1,4}/ LF\n%import common.LF\n";
  const auto rules = b.rules(r, false);
  if (text::dialect_of(b.syntax).reader == text::CallReader::tagged) {
    auto asked = b.forms.asked(r, rules);
    const auto masks = b.forms.compile(std::get<AnswerForms::Asked>(asked));
    ASSERT_TRUE(std::holds_alternative<api::ApiError>(masks));
    EXPECT_NE(std::get<api::ApiError>(masks).message.find("open"), std::string::npos);
    return;
  }
  int patches = 0;
  for (uint32_t seed = 0; seed < 40; ++seed) {
    const std::string answer = b.drawn(*b.constraint(r, rules), opener(b.syntax), seed);
    const auto parsed = b.read(rules, answer);
    ASSERT_EQ(parsed.tool_calls.size(), 1u) << answer;
    if (parsed.tool_calls[0].name != "open") continue;
    ++patches;
    const std::string input = api::custom_input(parsed.tool_calls[0].arguments);
    EXPECT_TRUE(std::regex_match(input, std::regex(R"re(begin\n([+\\"-]{1,4}\n){1,3}end)re"))) << answer;
  }
  EXPECT_GT(patches, 5);
}

// Content of a structure, or calls instead of it.
TEST_P(CallForms, AStructureLeavesTheChoiceToCall) {
  Bench b{static_cast<OutputSyntax>(GetParam())};
  api::Request r = request(Mode::automatic, true, false);
  r.structure = api::Structure{.kind = api::Structure::Kind::choice, .choices = {"yes", "<no"}};
  const auto rules = b.rules(r, false);
  int calls = 0, texts = 0;
  for (uint32_t seed = 0; seed < 60; ++seed) {
    const std::string answer = b.drawn(*b.constraint(r, rules), "", seed);
    const auto parsed = b.read(rules, answer);
    if (parsed.tool_calls.empty()) {
      ++texts;
      EXPECT_TRUE(answer == "yes" || answer == "<no") << answer;
    } else {
      ++calls;
      expect_fits(parsed.tool_calls[0], answer);
    }
  }
  EXPECT_GT(calls, 3);
  EXPECT_GT(texts, 3);
}

TEST(HermesCalls, FitAlsoWithoutTheirTag) {
  Bench b(OutputSyntax::hermes);
  const api::Request r = request(Mode::automatic, true, false);
  auto rules = b.rules(r, false);
  rules.tools = {"open", "other"};
  for (const char* begin : {"{\"name\": \"open\"", "```json\n{\n  \"name\": \"other\", \"argu"}) {
    for (uint32_t seed = 0; seed < 10; ++seed) {
      const std::string answer = b.drawn(*b.constraint(r, rules), begin, seed);
      const auto parsed = b.read(rules, "<tool_call>" + answer.substr(answer.find('{')));
      ASSERT_EQ(parsed.tool_calls.size(), 1u) << answer;
      expect_fits(parsed.tool_calls[0], answer);
    }
  }
  const auto other = b.text.tokenizer->encode("{\"name\": \"nobody\"").value();
  EXPECT_TRUE(b.constraint(r, rules)->after(other)->bits.empty()) << "an answer in JSON";
}

// GLM 4.5 and 4.6 write line ends between the tags, 4.7 does not.
TEST(GlmCalls, MayLeaveTheLineEndsOut) {
  Bench b(OutputSyntax::glm4);
  for (const Mode mode : {Mode::required, Mode::named}) {
    const api::Request r = request(mode, true, false);
    const auto rules = b.rules(r, false);
    for (const std::string line : {"\n", ""}) {
      const std::string call = std::string(mode == Mode::named ? "" : "other") + line +
                               "<arg_key>mode</arg_key>" + line + "<arg_value>read</arg_value>" + line +
                               "<arg_key>n</arg_key>" + line + "<arg_value>1</arg_value>" + line +
                               "</tool_call>";
      const auto ids = b.text.tokenizer->encode(call, {.parse_special = true}).value();
      const auto constraint = b.constraint(r, rules);  // owns the mask
      const auto mask = constraint->after(ids);
      ASSERT_TRUE(mask) << call;
      EXPECT_TRUE(mask->allows(ByteTokenizer::kBegin)) << call;
    }
  }
}

// <|call|> is among the tokens that end an answer of gpt-oss, by the files or by the template.
TEST(HarmonyCalls, EndWithTheAnswerIfTheirMarkerEndsIt) {
  const MarksTokenizer t(marks_of(OutputSyntax::harmony));
  const std::vector<text::CallForm> tools = {{.name = "a"}};
  const auto call_end = [&](const std::vector<int32_t>& ends) {
    const std::string text = text::calls_text(OutputSyntax::harmony, t, ends, tools, true);
    const Json request = parse_json(text, "calls").value();
    return dump_json(Json::array({request["call_end"], request["parallel"]}));
  };
  EXPECT_EQ(call_end({*t.id_of("<|return|>")}), R"([[{"mark":"<|call|>"}],true])");
  EXPECT_EQ(call_end({*t.id_of("<|return|>"), *t.id_of("<|call|>")}), "[[],false]");
}

INSTANTIATE_TEST_SUITE_P(Syntaxes, CallForms, ::testing::Range(int(OutputSyntax::hermes), text::kSyntaxCount),
                         [](const auto& p) { return "syntax" + std::to_string(p.param); });

}  // namespace
}  // namespace autark::serve
