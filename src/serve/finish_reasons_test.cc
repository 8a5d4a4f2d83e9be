// Goal: an answer that its reader ends, at a stop string or after a single call, is not counted as cancelled,
// and no token is computed after that. Method: a small random model behind the backend that repeats one
// token; what the client receives is compared with the engine's counters, for every syntax and for raw
// completions.
#include <gtest/gtest.h>
#include <future>
#include "engine/testing.h"
#include "serve/engine_backend.h"
#include "serve/fake_engine.h"

namespace autark::serve {
namespace {

constexpr int32_t kSaid = 7;

// Every token decodes to the same text; encoding returns arbitrary tokens.
class OneText final : public text::Tokenizer {
 public:
  explicit OneText(std::string text) : text_(std::move(text)) {}
  Result<std::vector<int32_t>> encode(std::string_view text, text::EncodeOptions) const override {
    return std::vector<int32_t>(text.size() + 1, 3);
  }
  int64_t size() const override { return engine::kTestVocabulary; }
  std::string bytes_of(int32_t) const override { return text_; }
  bool is_special(int32_t) const override { return false; }
  std::optional<int32_t> id_of(std::string_view) const override { return {}; }
  std::optional<std::string> special_text(std::string_view) const override { return {}; }
  std::map<std::string, std::string, std::less<>> special_texts() const override { return {}; }
  std::vector<std::string> markup() const override { return {}; }
  std::vector<int32_t> end_tokens() const override { return {}; }
  std::unique_ptr<text::StreamDecoder> stream(bool) const override {
    struct Decoder final : text::StreamDecoder {
      explicit Decoder(const std::string& t) : text(t) {}
      std::string push(int32_t) override { return text; }
      std::string flush() const override { return {}; }
      const std::string& text;
    };
    return std::make_unique<Decoder>(text_);
  }

 private:
  const std::string text_;
};

struct Outcome {
  std::string text;
  api::Finish why = api::Finish::cancelled;
  int64_t tokens = 0;
  uint64_t generated = 0;
  std::map<std::string, uint64_t> counted;  // when the end was heard
};

Outcome outcome(api::Request r, text::OutputSyntax syntax, const std::string& token) {
  auto chat = std::make_unique<PlainTemplate>();
  chat->form = syntax;
  text::ModelText text{.tokenizer = std::make_unique<OneText>(token), .chat = std::move(chat)};
  EngineBackend backend(engine::test_engine(engine::test_model("gemma3", engine::ref_chip())),
                        std::move(text), {.id = "m"});
  r.max_tokens = 20;
  r.ignore_end = true;
  r.sampling.logit_bias = {{kSaid, 1000.f}};
  Outcome out;
  std::promise<void> over;
  backend.submit(std::move(r), [&](const api::Event& e) {
    if (const auto* d = std::get_if<api::Event::Delta>(&e.payload)) out.text += d->text;
    const auto* f = std::get_if<api::Event::Finished>(&e.payload);
    if (!f) return;
    const engine::Stats s = backend.engine().stats();
    out.why = f->why, out.tokens = e.usage.completion_tokens;
    out.generated = s.generation_tokens, out.counted = s.finished;
    over.set_value();
  });
  over.get_future().wait();
  return out;
}

api::Request chat() {
  return {.items = {{api::Role::user, {api::Text{"hi"}}}}};
}

using Counted = std::map<std::string, uint64_t>;
using text::OutputSyntax;

TEST(FinishReasons, AStopStringIsCountedAsSuchBeforeItIsHeard) {
  api::Request stopped = chat(), raw{.prompts = {"hi"}};
  stopped.stop = raw.stop = {"babab"};
  for (const OutputSyntax syntax : {OutputSyntax::plain, OutputSyntax::hermes, OutputSyntax::dsml}) {
    for (const api::Request& r : {stopped, raw}) {
      const Outcome o = outcome(r, syntax, "ab");
      EXPECT_EQ(o.text, "a");
      EXPECT_EQ(o.why, api::Finish::stop_sequence);
      EXPECT_EQ(o.tokens, 3);
      EXPECT_EQ(o.generated, 3u) << "no token is computed after it";
      EXPECT_EQ(o.counted, (Counted{{"stop_string", 1}}));
    }
  }
}

TEST(FinishReasons, ASingleCallIsAnAnswerThatStopped) {
  api::Request r = chat();
  r.tools = {{"f", Json{{"name", "f"}}}};
  r.parallel_calls = false;
  const Outcome o =
      outcome(r, OutputSyntax::hermes, "<tool_call>{\"name\":\"f\",\"arguments\":{}}</tool_call>");
  EXPECT_EQ(o.why, api::Finish::tool_calls);
  EXPECT_EQ(o.tokens, 1);
  EXPECT_EQ(o.generated, 1u);
  EXPECT_EQ(o.counted, (Counted{{"stop", 1}}));
}

TEST(FinishReasons, OtherEndsAreTheEngines) {
  for (const OutputSyntax syntax : {OutputSyntax::plain, OutputSyntax::hermes}) {
    const Outcome o = outcome(chat(), syntax, "a");
    EXPECT_EQ(o.text, std::string(20, 'a'));
    EXPECT_EQ(o.why, api::Finish::length);
    EXPECT_EQ(o.counted, (Counted{{"length", 1}}));
  }
}

}  // namespace
}  // namespace autark::serve
