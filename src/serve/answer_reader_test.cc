// Goal: the tokens of an answer become the right pieces. Method: answers as models write them, whole and cut
// at every byte, are compared with the expected pieces; each rule of a request by examples; random answers
// under random rules, cut into tokens in several ways, are compared with each other and with a search in the
// whole text.
#include "serve/answer_reader.h"
#include <gtest/gtest.h>
#include <random>
#include <variant>
#include "serve/fake_engine.h"
#include "text/dialect.h"

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
std::string shown(const AnswerReader::Payloads& payloads) {
  std::string out, kind;
  const auto enter = [&](const std::string& now) {
    if (kind != now) out += "[" + now + "]";
    kind = now;
  };
  for (const auto& payload : payloads) {
    if (const auto* d = std::get_if<api::Event::Delta>(&payload)) enter("c"), out += d->text;
    if (const auto* r = std::get_if<api::Event::Reasoned>(&payload)) enter("r"), out += r->text;
    if (const auto* c = std::get_if<api::Event::CallBegun>(&payload))
      enter(c->name + std::to_string(c->call) + " " + c->id);
    if (const auto* a = std::get_if<api::Event::CallArguments>(&payload)) out += a->text;
    if (std::holds_alternative<api::Event::CallEnded>(payload)) out += "!";
  }
  return out;
}

std::string read(AnswerReader& r, std::string_view text, size_t step, bool cut = false) {
  AnswerReader::Payloads all = r.opening();
  const auto add = [&](AnswerReader::Payloads more) {
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
  const std::string bad = "{\"name\": \"f\", \"arguments\": {\"x\": tru!}}";
  expect(rules, bad + "\nDone.", "[f0 id0]{\"x\": tru!}![c]Done.");
  expect(rules, bad + "\n" + bad, "[f0 id0]{\"x\": tru!}![f1 id1]{\"x\": tru!}!");
}

TEST(F03_MendedCalls, NoneStaysOpen) {
  const std::string call = "\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n";
  const std::string value = "<｜DSML｜parameter name=\"x\" string=\"true\">a";
  expect({.syntax = OutputSyntax::dsml}, "Look:" + call + value, "[c]Look:");
  expect({.syntax = OutputSyntax::dsml},
         "Look:" + call + "</｜DSML｜invoke>\n" + call.substr(call.rfind("<")) + value,
         "[c]Look:[f0 id0]{}!");
  AnswerReader r = reader({.syntax = OutputSyntax::dsml});
  EXPECT_EQ(read(r, call + value, 5, true), "[f0 id0]{\"x\": \"a") << "a limit cut it";
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

TEST(AnswerReader, EveryDialectsOpeningBeginsACall) {
  const api::Tool f{"f", Json{{"name", "f"}}};
  for (int i = int(OutputSyntax::deepseek_v3); i < text::kSyntaxCount; ++i) {
    const auto syntax = OutputSyntax(i);
    const text::CallShape& shape = text::dialect_of(syntax).shape;
    EXPECT_TRUE(call_opening(syntax, &f).starts_with(call_opening(syntax, nullptr)));
    const std::string rest = (shape.json_arguments ? "}" : "") + std::string(shape.call_end);
    expect({.syntax = syntax, .opening = call_opening(syntax, &f)}, rest, "[f0 id0]{}!");
  }
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
    AnswerReader::Payloads all;
    for (const int32_t id : {int32_t{'a'}, ByteTokenizer::kBegin, ByteTokenizer::kEndThink, int32_t{'b'}})
      for (auto& payload : r.push(id)) all.push_back(std::move(payload));
    for (auto& payload : r.finish(false)) all.push_back(std::move(payload));
    return shown(all);
  };
  for (const OutputSyntax syntax : {OutputSyntax::hermes, OutputSyntax::dsml, OutputSyntax::plain})
    EXPECT_EQ(read({.syntax = syntax, .in_reasoning = true}), "[r]a[c]b");
  EXPECT_EQ(read({}), "[c]ab");
  EXPECT_EQ(read({.skip_special = false}), "[c]a<b></think>b");
  EXPECT_EQ(read({.syntax = OutputSyntax::hermes, .in_reasoning = true, .skip_special = false}),
            "[r]a<b>[c]b");
}

// What a model may write: texts, and special tokens between whole characters.
using Parts = std::vector<std::variant<std::string, int32_t>>;

Parts random_answer(std::mt19937& random) {
  static const std::string kTexts[] = {"a",
                                       "b",
                                       "ab",
                                       " ",
                                       "\n",
                                       "é",
                                       "😀",
                                       "字",
                                       "<think>",
                                       "</think>",
                                       "<tool_call>",
                                       "</tool_call>",
                                       "{\"name\": \"f\", ",
                                       "\"arguments\": {\"x\": \"é\"}}",
                                       "{\"name\": \"f\", \"arguments\": {}}",
                                       "\n\n<｜DSML｜tool_calls>\n<｜DSML｜invoke name=\"f\">\n",
                                       "</｜DSML｜invoke>\n</｜DSML｜tool_calls>",
                                       "```json\n",
                                       "<",
                                       "}"};
  Parts answer;
  for (size_t n = random() % 14; n > 0; --n) {
    if (random() % 8 == 0)
      answer.emplace_back(random() % 2 ? ByteTokenizer::kBegin : ByteTokenizer::kEndThink);
    else
      answer.emplace_back(kTexts[random() % std::size(kTexts)]);
  }
  return answer;
}

AnswerReader::Rules random_rules(std::mt19937& random) {
  static const std::string kStops[] = {"ab", "ba", "aab", "é", "字a", "</th", "\n\n", "<tool_call>", "😀"};
  const auto one_in = [&](unsigned n) { return random() % n == 0; };
  AnswerReader::Rules r{.syntax = OutputSyntax(random() % 3),
                        .in_reasoning = one_in(3),
                        .continues = one_in(5),
                        .include_stop = one_in(3),
                        .skip_special = !one_in(3),
                        .calls = !one_in(3),
                        .parallel_calls = !one_in(3)};
  for (size_t n = random() % 3; n > 0; --n) r.stop.push_back(kStops[random() % std::size(kStops)]);
  if (one_in(2)) r.tools = {"f"};
  return r;
}

// Cuts into tokens of `length` bytes, or of random lengths if it is 0; special tokens are not cut.
std::vector<int32_t> tokens_of(const Parts& answer, size_t length, std::mt19937& random) {
  std::vector<int32_t> ids;
  std::string text;
  const auto cut = [&] {
    for (size_t at = 0, n; at < text.size(); at += n) {
      n = length ? length : 1 + random() % 9;
      ids.push_back(ByteTokenizer::token(std::string_view(text).substr(at, n)));
    }
    text.clear();
  };
  for (const auto& part : answer) {
    if (const auto* t = std::get_if<std::string>(&part)) {
      text += *t;
      continue;
    }
    cut();
    ids.push_back(std::get<int32_t>(part));
  }
  cut();
  return ids;
}

// ByteTokenizer whose decoder gives whole characters only, as all real ones do.
class WholeCharacters final : public ByteTokenizer {
  std::unique_ptr<text::StreamDecoder> stream(bool skip_special) const override {
    struct Decoder final : text::StreamDecoder {
      explicit Decoder(std::unique_ptr<text::StreamDecoder> bytes) : bytes_(std::move(bytes)) {}
      std::string push(int32_t id) override {
        held_ += bytes_->push(id);
        size_t end = held_.size();
        for (size_t back = 1; back <= std::min<size_t>(4, held_.size()); ++back) {
          const auto c = uint8_t(held_[held_.size() - back]);
          if ((c & 0xc0) == 0x80) continue;
          const size_t length = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
          if (length > back) end = held_.size() - back;
          break;
        }
        std::string whole = held_.substr(0, end);
        held_.erase(0, end);
        return whole;
      }
      std::string flush() const override { return held_.empty() ? "" : "\xEF\xBF\xBD"; }
      std::unique_ptr<text::StreamDecoder> bytes_;
      std::string held_;
    };
    return std::make_unique<Decoder>(ByteTokenizer::stream(skip_special));
  }
};

// What came out, and why it ended.
struct Heard {
  std::string shown, stop;
  std::optional<api::Finish> ended;
  bool called = false;
  bool operator==(const Heard&) const = default;
};
void PrintTo(const Heard& r, std::ostream* to) {
  *to << r.shown << " | " << r.stop << " | " << (r.ended ? int(*r.ended) : -1) << r.called;
}

Heard read_tokens(const AnswerReader::Rules& rules, const std::vector<int32_t>& ids) {
  static const WholeCharacters tokenizer;
  AnswerReader r(tokenizer, rules, [n = 0]() mutable { return "id" + std::to_string(n++); });
  AnswerReader::Payloads all = r.opening();
  const auto add = [&](AnswerReader::Payloads more) { all.insert(all.end(), more.begin(), more.end()); };
  for (const int32_t id : ids) {
    if (r.ended()) break;
    add(r.push(id));
  }
  if (!r.ended()) add(r.finish(false));
  return {shown(all), r.stop_sequence(), r.ended(), r.called()};
}

TEST(AnswerReaderProperty, CutsIntoTokensDoNotMatter) {
  std::mt19937 random(3);
  int ended = 0, called = 0, reasoned = 0;
  for (int round = 0; round < 4000; ++round) {
    const Parts answer = random_answer(random);
    const AnswerReader::Rules rules = random_rules(random);
    const Heard whole = read_tokens(rules, tokens_of(answer, 1 << 20, random));
    ASSERT_EQ(read_tokens(rules, tokens_of(answer, 1, random)), whole) << "byte by byte, round " << round;
    ASSERT_EQ(read_tokens(rules, tokens_of(answer, 0, random)), whole) << "round " << round;
    ended += whole.ended.has_value(), called += whole.called, reasoned += whole.shown.starts_with("[r]");
  }
  EXPECT_GT(ended, 400);
  EXPECT_GT(called, 200);
  EXPECT_GT(reasoned, 400);
}

// The text up to the stop string that is complete first, of several the longest.
std::string cut_at_stop(const std::string& text, const AnswerReader::Rules& rules) {
  size_t end = text.npos, length = 0;
  for (const std::string& s : rules.stop) {
    const size_t at = text.find(s);
    if (at == text.npos) continue;
    const size_t own = at + s.size();
    if (own < end || (own == end && s.size() > length)) end = own, length = s.size();
  }
  return end == text.npos ? text : text.substr(0, rules.include_stop ? end : end - length);
}

TEST(AnswerReaderProperty, ARawAnswerIsItsTextUpToTheStop) {
  std::mt19937 random(4);
  int cut = 0;
  for (int round = 0; round < 4000; ++round) {
    const Parts answer = random_answer(random);
    AnswerReader::Rules rules = random_rules(random);
    rules.syntax = OutputSyntax::plain, rules.in_reasoning = false;
    std::string text;
    for (const auto& part : answer) {
      if (const auto* t = std::get_if<std::string>(&part))
        text += *t;
      else if (!rules.skip_special)
        text += kBytes.bytes_of(std::get<int32_t>(part));
    }
    const std::string want = cut_at_stop(text, rules);
    for (const size_t length : {size_t{0}, size_t{1}, size_t{1} << 20})
      ASSERT_EQ(read_tokens(rules, tokens_of(answer, length, random)).shown, want.empty() ? "" : "[c]" + want)
          << "round " << round;
    cut += want != text;
  }
  EXPECT_GT(cut, 500);
}

// The turn for the next prompt: every token, and the whole text with all markup.
TEST(AnswerReaderProperty, WhatWasSampledIsEveryToken) {
  std::mt19937 random(5);
  for (int round = 0; round < 500; ++round) {
    const Parts answer = random_answer(random);
    const auto ids = tokens_of(answer, 0, random);
    AnswerReader r(kBytes, {.syntax = OutputSyntax::dsml, .in_reasoning = round % 2 == 0},
                   [] { return "id"; });
    std::string text;
    for (const int32_t id : ids) {
      r.push(id);
      text += kBytes.bytes_of(id);
    }
    const SampledTurn s = r.take_sampled();
    std::vector<int32_t> all = s.reasoning.ids;
    all.insert(all.end(), s.answer.ids.begin(), s.answer.ids.end());
    EXPECT_EQ(all, ids);
    EXPECT_EQ(s.reasoning.text + s.answer.text, text);
    EXPECT_TRUE(s.in_reasoning || s.reasoning.ids.empty());
  }
}

}  // namespace
}  // namespace autark::serve
