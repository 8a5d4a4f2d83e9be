// Goal: the structure of an answer begins after its reasoning, its masks do not depend on what was asked before,
// and every field that asks for one is enforced. Method: a tokenizer of bytes and a few joined tokens. Random
// answers are drawn from the masks; they must be what the schema, regex, choice or grammar says. A constraint
// that was asked about many beginnings must agree with a fresh one.
#include "serve/answer_structure.h"
#include <gtest/gtest.h>
#include <future>
#include <random>
#include <regex>
#include <utility>
#include "base/check.h"
#include "serve/engine_backend.h"
#include "serve/fake_engine.h"

namespace autark::serve {
namespace {

constexpr int32_t kThink = 258, kJoined = 259;
const char* const kTexts[] = {"<think>", "></", ">{", ">\n", "x</think>y", "</think>\n\n", "{\"", "true"};

// Bytes, "<think>", and tokens that hold ends of "</think>" with or without more.
class JoinedTokenizer final : public ByteTokenizer {
 public:
  int64_t size() const override { return kThink + std::ssize(kTexts); }
  std::string bytes_of(int32_t id) const override {
    return id < kThink ? ByteTokenizer::bytes_of(id) : kTexts[id - kThink];
  }
  bool is_special(int32_t id) const override { return id <= kThink && id >= kBegin; }
};

struct Bench {
  Bench() {
    auto made = text::Structures::make(tokenizer, ends);
    AUTARK_CHECK(made);
    structures = std::move(*made);
  }
  AnswerStructure structure(const api::Structure& asked, bool in_reasoning) {
    api::ApiError fault;
    auto masks = compiled(*structures, asked, fault);
    AUTARK_CHECK(masks);
    return {{.content = std::move(masks), .calls = {}},
            tokenizer,
            {.vocabulary = tokenizer.size(), .ends = ends, .joins = &joins, .in_reasoning = in_reasoning}};
  }
  std::string text_of(std::span<const int32_t> ids) const {
    std::string text;
    for (const int32_t id : ids) text += tokenizer.bytes_of(id);
    return text;
  }
  bool is_end(int32_t id) const { return std::ranges::count(ends, id) > 0; }

  JoinedTokenizer tokenizer;
  const std::vector<int32_t> ends{ByteTokenizer::kBegin};
  const ReasoningJoins joins = reasoning_joins(tokenizer);
  std::unique_ptr<text::Structures> structures;
};

Json json(std::string_view text) {
  return parse_json(text, "test").value();
}

const api::Structure kList{.kind = api::Structure::Kind::json_schema,
                           .schema = json(R"({"type":"array","items":{"type":"boolean"},"maxItems":2})"),
                           .param = "response_format"};

std::vector<int32_t> allowed(const engine::TokenMask& mask, int64_t vocabulary) {
  std::vector<int32_t> ids;
  for (int32_t id = 0; id < vocabulary; ++id) {
    if (mask.allows(id)) ids.push_back(id);
  }
  return ids;
}

TEST(AnswerStructure, TokensThatJoinReasoningAndTextAreHeldBack) {
  Bench b;
  const std::string most = "why? </think";
  const std::vector<int32_t> inside(most.begin(), most.end());
  AnswerStructure s = b.structure(kList, true);
  for (int32_t id = kJoined; id < b.tokenizer.size(); ++id) {
    const std::string text = b.tokenizer.bytes_of(id);
    EXPECT_EQ(s.after(std::span(inside).first(4))->allows(id), text != "x</think>y") << text;
    EXPECT_EQ(s.after(inside)->allows(id), text != "x</think>y" && text != "></" && text != ">{") << text;
  }
  EXPECT_TRUE(s.after(inside)->allows('>'));
  EXPECT_FALSE(s.after(inside)->allows(b.ends[0])) << "an answer does not end in its reasoning";
}

TEST(AnswerStructure, BeginsAfterTheReasoning) {
  Bench b;
  std::mt19937 random(5);
  int ended = 0;
  for (int round = 0; round < 50; ++round) {
    AnswerStructure s = b.structure(kList, true);
    const std::string reasoning = "[1, {";
    std::vector<int32_t> ids(reasoning.begin(), reasoning.end());
    ids.push_back(round % 2 ? ByteTokenizer::kEndThink : kJoined + 4);
    const size_t begin = ids.size();
    while (ids.size() < 60 && !b.is_end(ids.back())) {
      const auto mask = s.after(ids);
      ASSERT_TRUE(mask);
      const auto may = allowed(*mask, b.tokenizer.size());
      ASSERT_FALSE(may.empty());
      ids.push_back(may[random() % may.size()]);
    }
    if (!b.is_end(ids.back())) continue;  // white space has no short end
    ids.pop_back();
    ++ended;
    const auto value = parse_json(b.text_of(std::span(ids).subspan(begin)), "answer");
    ASSERT_TRUE(value) << b.text_of(ids);
    EXPECT_TRUE(value->is_array() && value->size() <= 2) << b.text_of(ids);
  }
  EXPECT_GT(ended, 5);
}

TEST(AnswerStructure, MasksDoNotDependOnWhatWasAskedBefore) {
  Bench b;
  const std::string text = "a</think>\n[true,false]";
  std::vector<int32_t> ids(text.begin(), text.end());
  AnswerStructure jumping = b.structure(kList, true);
  std::mt19937 random(3);
  for (int round = 0; round < 40; ++round) {
    const auto beginning = std::span(ids).first(random() % (ids.size() + 1));
    if (random() % 2) jumping.prepare(beginning);
    AnswerStructure fresh = b.structure(kList, true);
    const auto want = fresh.after(beginning), got = jumping.after(beginning);
    ASSERT_TRUE(want && got) << beginning.size();
    EXPECT_EQ(allowed(*got, b.tokenizer.size()), allowed(*want, b.tokenizer.size())) << beginning.size();
  }
}

TEST(AnswerStructure, AFaultNamesFieldAndPlace) {
  Bench b;
  api::ApiError fault;
  api::Structure asked = kList;
  asked.schema = json(R"({"items":{"not":{}}})");
  EXPECT_EQ(compiled(*b.structures, asked, fault), nullptr);
  EXPECT_EQ(fault.kind, api::ApiError::Kind::invalid);
  EXPECT_EQ(fault.param, "response_format");
  EXPECT_NE(fault.message.find("/items/not"), std::string::npos) << fault.message;
  asked = {.kind = api::Structure::Kind::regex, .text = std::string(20'000, 'a'), .param = "guided_regex"};
  EXPECT_EQ(compiled(*b.structures, asked, fault), nullptr);
  EXPECT_EQ(fault.code, "schema_too_complex");
}

// An answer to `request`, drawn from the masks of the constraint that reaches the engine.
std::string drawn(const api::Request& request, uint32_t seed) {
  std::promise<void> told;  // the first event
  auto* engine = new FakeEngine;
  engine->at_once = [](int) { return engine::Event(); };
  text::ModelText text = byte_text(std::make_unique<PlainTemplate>());
  text.end_tokens = {ByteTokenizer::kBegin};
  EngineBackend backend(std::unique_ptr<engine::Engine>(engine), std::move(text), {.id = "fake"});
  const auto cancel = backend.submit(request, [&, once = false](const api::Event&) mutable {
    if (!std::exchange(once, true)) told.set_value();
  });
  told.get_future().wait();
  if (engine->submitted.empty() || !engine->submitted[0].request.constraint) return "no constraint";
  engine::Constraint& constraint = *engine->submitted[0].request.constraint;
  std::mt19937 random(seed);
  std::vector<int32_t> ids;
  std::string answer;
  while (ids.size() < 200) {
    const auto mask = constraint.after(ids);
    if (!mask) return mask.error().message;
    const auto may = allowed(*mask, 258);
    const int32_t id =
        mask->allows(ByteTokenizer::kBegin) ? ByteTokenizer::kBegin : may[random() % may.size()];
    if (id == ByteTokenizer::kBegin) return answer;
    ids.push_back(id);
    answer += ByteTokenizer().bytes_of(id);
  }
  return answer;
}

api::Request asking(api::Structure structure) {
  api::Request r{.items = {{api::Role::user, {api::Text{"a"}}}}};
  r.structure = std::move(structure);
  return r;
}

// A structure is compiled on another thread, and a cancellation that comes meanwhile is not lost.
TEST(StructuredAnswers, CanBeCancelledAtAnyTime) {
  for (int round = 0; round < 20; ++round) {
    std::promise<void> told;
    auto* engine = new FakeEngine;
    engine->at_once = [](int) { return engine::Event(); };
    text::ModelText text = byte_text(std::make_unique<PlainTemplate>());
    text.end_tokens = {ByteTokenizer::kBegin};
    EngineBackend backend(std::unique_ptr<engine::Engine>(engine), std::move(text), {.id = "fake"});
    const auto request = backend.submit(asking({.kind = api::Structure::Kind::json_object}),
                                        [&, once = false](const api::Event&) mutable {
                                          if (!std::exchange(once, true)) told.set_value();
                                        });
    if (round % 2) told.get_future().wait();
    request.cancel();
    while (engine->finish_calls == 0) std::this_thread::yield();
    EXPECT_EQ(engine->submitted.at(0).finished, engine::Finish::cancelled);
  }
}

TEST(StructuredAnswers, AreWhatTheRequestAsks) {
  using Kind = api::Structure::Kind;
  for (uint32_t seed = 0; seed < 5; ++seed) {
    EXPECT_TRUE(std::regex_match(drawn(asking({.kind = Kind::regex, .text = "a[bc]{2}d"}), seed),
                                 std::regex("a[bc]{2}d")));
    const std::string choice = drawn(asking({.kind = Kind::choice, .choices = {"yes", "no"}}), seed);
    EXPECT_TRUE(choice == "yes" || choice == "no") << choice;
    EXPECT_EQ(drawn(asking({.kind = Kind::grammar, .text = "start: \"(\" \"x\" \")\""}), seed), "(x)");
    const std::string value =
        drawn(asking({.kind = Kind::json_schema, .schema = json(R"({"enum":[[1],{"a":null}]})")}), seed);
    const auto read = parse_json(value, "answer");
    ASSERT_TRUE(read) << value;
    EXPECT_TRUE(*read == json("[1]") || *read == json(R"({"a":null})")) << value;
    EXPECT_EQ(drawn(asking({.kind = Kind::json_object}), seed).front(), '{');
  }
}

}  // namespace
}  // namespace autark::serve
