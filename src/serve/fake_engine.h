// For tests: an engine whose events the test sends, and a tokenizer whose tokens are bytes.
#pragma once
#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>
#include "engine/engine.h"
#include "text/model_text.h"

namespace autark::serve {

// Token i is the byte i; <b> (256) is special and begins every text that asks for special tokens; </think>
// (257) is special too. Tokens from 1000 on have the texts that tests give them, whole characters.
class ByteTokenizer : public text::Tokenizer {
 public:
  static constexpr int32_t kBegin = 256, kEndThink = 257, kPieces = 1000;

  static void name(int32_t id, std::string_view text) { Pieces::all().set(id, text); }
  // A token of this text: its byte, or one from 2000 on.
  static int32_t token(std::string_view text) {
    return text.size() == 1 ? uint8_t(text[0]) : Pieces::all().find(text);
  }

  Result<std::vector<int32_t>> encode(std::string_view text, text::EncodeOptions o) const override {
    std::vector<int32_t> ids;
    if (o.add_special) ids.push_back(kBegin);
    for (size_t i = 0; i < text.size(); ++i) {
      const bool literal = std::ranges::any_of(o.literal, [&](auto r) { return r.begin <= i && i < r.end; });
      if (o.parse_special && !literal && text.substr(i).starts_with("<b>"))
        ids.push_back(kBegin), i += 2;
      else
        ids.push_back(uint8_t(text[i]));
    }
    return ids;
  }
  int64_t size() const override { return 258; }
  std::string bytes_of(int32_t id) const override {
    if (id >= kPieces) return Pieces::all().get(id);
    if (id == kBegin) return "<b>";
    return id == kEndThink ? "</think>" : std::string(1, char(id));
  }
  bool is_special(int32_t id) const override { return id == kBegin || id == kEndThink; }
  std::optional<int32_t> id_of(std::string_view) const override { return {}; }
  std::optional<std::string> special_text(std::string_view) const override { return {}; }
  std::map<std::string, std::string, std::less<>> special_texts() const override { return {}; }
  std::vector<std::string> markup() const override { return {"<b>"}; }
  std::vector<int32_t> end_tokens() const override { return {kBegin}; }
  std::unique_ptr<text::StreamDecoder> stream(bool skip_special) const override {
    struct Decoder final : text::StreamDecoder {
      explicit Decoder(bool skip) : skip_special(skip) {}
      std::string push(int32_t id) override {
        const ByteTokenizer t;
        return skip_special && t.is_special(id) ? "" : t.bytes_of(id);
      }
      std::string flush() const override { return {}; }
      const bool skip_special;
    };
    return std::make_unique<Decoder>(skip_special);
  }

 private:
  class Pieces {
   public:
    static Pieces& all() {
      static Pieces pieces;
      return pieces;
    }
    void set(int32_t id, std::string_view text) {
      const std::lock_guard lock(mutex_);
      texts_[id] = text;
    }
    std::string get(int32_t id) {
      const std::lock_guard lock(mutex_);
      return texts_[id];
    }
    int32_t find(std::string_view text) {
      const std::lock_guard lock(mutex_);
      const auto [at, added] = ids_.emplace(text, 2000 + int32_t(ids_.size()));
      if (added) texts_[at->second] = text;
      return at->second;
    }

   private:
    std::mutex mutex_;
    std::map<int32_t, std::string> texts_;
    std::map<std::string, int32_t, std::less<>> ids_;
  };
};

// Renders "<b>role:content;" for each message, then "<b>" if an answer is requested. Content is literal. With
// dsml, sampled turns replace role and content. With a syntax other than plain, or with lists_tools,
// "<b>tools:names;" comes first.
class PlainTemplate final : public text::ChatTemplate {
 public:
  text::OutputSyntax syntax() const override { return form; }
  std::string source() const override { return "{{ messages }}"; }

  Result<text::Prompt> render(const text::Conversation& c) const override {
    text::Prompt p{.in_reasoning = in_reasoning};
    asked = c;
    if ((form != text::OutputSyntax::plain || lists_tools) && c.tools) {
      p.text += "<b>tools:";
      for (const Json& t : *c.tools) p.text += t["function"]["name"].get<std::string>();
      p.text += ";";
    }
    for (size_t i = 0; i < c.messages.size(); ++i) {
      const Json& m = c.messages[i];
      if (form == text::OutputSyntax::dsml && i < c.sampled.size() && c.sampled[i]) {
        stand(p, *c.sampled[i]);
        continue;
      }
      if (m["content"] == "raise") return Error{Code::invalid, "the template says no"};
      p.text += "<b>" + m["role"].get<std::string>() + ":";
      const size_t begin = p.text.size();
      p.text += m["content"].get<std::string>();
      p.literal.push_back({begin, p.text.size()});
      p.text += ";";
    }
    if (c.kwargs.value("add_generation_prompt", false)) p.text += "<b>";
    return p;
  }

  text::OutputSyntax form = text::OutputSyntax::plain;
  bool in_reasoning = false;
  bool lists_tools = false;
  mutable text::Conversation asked;  // the last one

 private:
  static void stand(text::Prompt& p, const SampledTurn& sampled) {
    for (const TokenSpan* part : {&sampled.reasoning, &sampled.answer}) {
      p.sampled.push_back({{p.text.size(), p.text.size() + part->text.size()}, part->ids});
      p.text += part->text;
    }
    p.text += ";";
  }
};

class FakeEngine final : public engine::Engine {
 public:
  struct Submitted {
    engine::Request request;
    engine::Sink sink;
    std::optional<engine::Finish> finished = {};  // as it was asked for
  };

  explicit FakeEngine(int64_t context = 40) {
    card_.name = "Fake";
    card_.context = context;
    card_.vocabulary = 100'000;
  }
  const engine::ModelCard& card() const override { return card_; }
  std::optional<Error> fault() const override { return broken; }
  using Engine::submit;
  Result<std::vector<engine::RequestId>> submit(std::vector<engine::Request> group,
                                                engine::GroupSink sink) override {
    if (refusal) return *refusal;
    if (int(submitted.size() + group.size()) > room)
      return Error{Code::exhausted, "engine: the queue is full"};
    std::vector<engine::RequestId> ids;
    for (int i = 0; i < int(group.size()); ++i) {
      submitted.push_back({std::move(group[i]), [sink, i](engine::Event e) { sink(i, std::move(e)); }});
      ids.push_back(submitted.size());
    }
    if (at_once)
      early_ = std::thread([this, ids] {
        for (const auto id : ids) say(int(id) - 1, at_once(int(id)));
      });
    return ids;
  }
  void finish(engine::RequestId id, engine::Finish why) override {
    submitted.at(id - 1).finished = why;
    ++finish_calls;
  }
  void say(int i, engine::Event e) {
    e.id = engine::RequestId(i + 1);
    submitted.at(i).sink(std::move(e));
  }
  engine::Stats stats() const override { return {.running = int(submitted.size())}; }
  std::optional<engine::QueuePlace> queued(engine::RequestId) const override { return place; }

  std::vector<Submitted> submitted;
  std::atomic<int> finish_calls = 0;
  int room = 100;
  std::optional<Error> broken, refusal;
  std::optional<engine::QueuePlace> place;  // of every request
  // Sends an event of each request from another thread as soon as it is submitted, until join().
  std::function<engine::Event(int)> at_once;
  void join() {
    if (early_.joinable()) early_.join();
  }
  ~FakeEngine() override { join(); }

 private:
  std::thread early_;
  engine::ModelCard card_;
};

// Bytes, and a template or none.
inline text::ModelText byte_text(std::unique_ptr<text::ChatTemplate> chat) {
  text::ModelText t{.tokenizer = std::make_unique<ByteTokenizer>()};
  if (!chat) t.chat_fault = "no template in the file";
  t.chat = std::move(chat);
  return t;
}

}  // namespace autark::serve
