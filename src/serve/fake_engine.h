// For tests: an engine whose events the test sends, and a tokenizer whose tokens are bytes.
#pragma once
#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>
#include "engine/engine.h"
#include "text/model_text.h"

namespace autark::serve {

// Token i is the byte i; <b> (256) is special and begins every text that asks for special tokens; </think>
// (257) is special too. Tokens from 1000 on have the texts that tests give them, whole characters.
class ByteTokenizer : public text::Tokenizer {
 public:
  static constexpr int32_t kBegin = 256, kEndThink = 257, kPieces = 1000;

  static void name(int32_t id, std::string_view text);
  // A token of this text: its byte, or one from 2000 on.
  static int32_t token(std::string_view text);

  Result<std::vector<int32_t>> encode(std::string_view text, text::EncodeOptions o) const override;
  int64_t size() const override { return 258; }
  std::string bytes_of(int32_t id) const override;
  bool is_special(int32_t id) const override;
  std::optional<int32_t> id_of(std::string_view) const override;
  std::optional<std::string> special_text(std::string_view) const override;
  std::map<std::string, std::string, std::less<>> special_texts() const override;
  std::vector<std::string> markup() const override;
  std::vector<int32_t> end_tokens() const override;
  std::unique_ptr<text::StreamDecoder> stream(bool skip_special) const override;
};

// Renders "<b>role:content;" for each message, then "<b>" if an answer is requested. Content is literal. With
// dsml, sampled turns replace role and content. With a syntax other than plain, or with lists_tools,
// "<b>tools:names;" comes first.
class PlainTemplate final : public text::ChatTemplate {
 public:
  PlainTemplate();
  ~PlainTemplate() override;
  text::OutputSyntax syntax() const override { return form; }
  std::string source() const override { return "{{ messages }}"; }

  Result<text::Prompt> render(const text::Conversation& c) const override;

  text::OutputSyntax form = text::OutputSyntax::plain;
  bool in_reasoning = false;
  bool lists_tools = false;
  mutable text::Conversation asked;  // the last one
};

class FakeEngine final : public engine::Engine {
 public:
  struct Submitted {
    engine::Request request;
    engine::Sink sink;
    std::optional<engine::Finish> finished = {};  // as it was asked for
  };

  explicit FakeEngine(int64_t context = 40);
  const engine::ModelCard& card() const override { return card_; }
  std::optional<Error> fault() const override { return broken; }
  using Engine::submit;
  Result<std::vector<engine::RequestId>> submit(std::vector<engine::Request> group,
                                                engine::GroupSink sink) override;
  void finish(engine::RequestId id, engine::Finish why) override;
  void say(int i, engine::Event e);
  engine::Stats stats() const override;
  std::optional<engine::QueuePlace> queued(engine::RequestId) const override { return place; }

  std::vector<Submitted> submitted;
  std::atomic<int> finish_calls = 0;
  int room = 100;
  std::optional<Error> broken, refusal;
  std::optional<engine::QueuePlace> place;  // of every request
  // Sends an event of each request from another thread as soon as it is submitted, until join().
  std::function<engine::Event(int)> at_once;
  void join();
  ~FakeEngine() override;

 private:
  std::thread early_;
  engine::ModelCard card_;
};

// Bytes, and a template or none.
text::ModelText byte_text(std::unique_ptr<text::ChatTemplate> chat);

}  // namespace autark::serve
