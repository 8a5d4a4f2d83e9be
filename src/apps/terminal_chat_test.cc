// Goal: the terminal and the server give the same text for the same tokens. Method: a fake engine answers
// with random tokens: whole characters, halves of them, markup and special tokens; the terminal's output
// against what a client of the server receives.
#include "apps/terminal_chat.h"
#include <gtest/gtest.h>
#include <future>
#include <random>
#include "api/answer.h"
#include "serve/engine_backend.h"
#include "serve/fake_engine.h"

namespace autark::apps {
namespace {

using serve::ByteTokenizer;
using text::OutputSyntax;

struct Said {
  std::string content, reasoning;
  bool operator==(const Said&) const = default;
};

struct Model {
  OutputSyntax syntax;
  bool with_chat, in_reasoning;
  std::vector<int32_t> answer;

  text::ModelText text() const {
    if (!with_chat) return serve::byte_text(nullptr);
    auto chat = std::make_unique<serve::PlainTemplate>();
    chat->form = syntax, chat->in_reasoning = in_reasoning;
    return serve::byte_text(std::move(chat));
  }
  std::unique_ptr<engine::Engine> engine() const {
    auto e = std::make_unique<serve::FakeEngine>();
    e->at_once = [this](int) {
      engine::Event said{.finish = engine::Finish::stop};
      for (const int32_t id : answer) said.tokens.push_back({.id = id});
      said.tokens.push_back({.id = ByteTokenizer::kBegin});
      said.usage = {.prompt_tokens = 3, .completion_tokens = std::ssize(said.tokens)};
      return said;
    };
    return e;
  }
};

Said in_the_terminal(const Model& m) {
  OpenModel model{m.text(), m.engine()};
  ChatState state;
  TerminalChat chat(model, state);
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_FALSE(chat.say("hi"));
  std::string out = testing::internal::GetCapturedStdout();
  testing::internal::GetCapturedStderr();
  Said said{out.substr(0, out.size() - 1), ""};  // without the last line end
  for (const api::Part& p : state.said.items.back().parts)
    if (const auto* r = std::get_if<api::Reasoning>(&p)) said.reasoning += r->text;
  return said;
}

Said on_the_wire(const Model& m) {
  api::Answer answer(1);
  std::promise<void> over;  // the engine sends events from its own thread
  serve::EngineBackend backend(m.engine(), m.text(), {.id = "m"});
  api::Request r;
  if (m.with_chat)
    r.items = {{api::Role::user, {api::Text{"hi"}}}};
  else
    r.prompts = {"hi"};
  backend.submit(r, [&](api::Event e) {
    const bool last = std::holds_alternative<api::Event::Finished>(e.payload);
    answer.add(std::move(e));
    if (last) over.set_value();
  });
  over.get_future().wait();
  return {answer.choices[0].text(), answer.choices[0].joined(api::Block::Kind::reasoning)};
}

TEST(TerminalChat, SaysWhatTheServerSays) {
  const std::vector<int32_t> words = {'a',
                                      ' ',
                                      '\n',
                                      ByteTokenizer::kBegin,
                                      ByteTokenizer::kEndThink,
                                      ByteTokenizer::token("<think>"),
                                      ByteTokenizer::token("<tool_call>"),
                                      ByteTokenizer::token("{\"name\": \"f\", \"arguments\": {}}"),
                                      ByteTokenizer::token("</tool_call>"),
                                      ByteTokenizer::token("</thi"),
                                      ByteTokenizer::token("nk>")};
  std::mt19937 random(1);
  int with_reasoning = 0;
  for (int round = 0; round < 300; ++round) {
    Model m{OutputSyntax(random() % 3), random() % 4 > 0, random() % 2 == 0, {}};
    for (size_t n = random() % 12; n > 0; --n) m.answer.push_back(words[random() % words.size()]);
    const Said here = in_the_terminal(m);
    EXPECT_EQ(here.content, on_the_wire(m).content) << "round " << round;
    EXPECT_EQ(here.reasoning, on_the_wire(m).reasoning) << "round " << round;
    with_reasoning += !here.reasoning.empty();
  }
  EXPECT_GT(with_reasoning, 20);
}

}  // namespace
}  // namespace autark::apps
