// For tests: an engine whose tokens are bytes, and which answers when the test says so.
#pragma once
#include <algorithm>
#include <mutex>
#include "engine/engine.h"

namespace autark::serve {

// Token i is the byte i; <b> (256) is special and begins every text that asks for special tokens; </think>
// (257) is special too.
class ByteTokenizer final : public text::Tokenizer {
 public:
  static constexpr int32_t kBegin = 256, kEndThink = 257;

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
    if (id == kBegin) return "<b>";
    return id == kEndThink ? "</think>" : std::string(1, char(id));
  }
  bool is_special(int32_t id) const override { return id >= kBegin; }
  std::optional<int32_t> id_of(std::string_view) const override { return {}; }
  std::optional<std::string> special_text(std::string_view) const override { return {}; }
  std::map<std::string, std::string, std::less<>> special_texts() const override { return {}; }
  std::vector<std::string> markup() const override { return {"<b>"}; }
  std::vector<int32_t> end_tokens() const override { return {kBegin}; }
  std::unique_ptr<text::StreamDecoder> stream(bool skip_special) const override {
    struct Decoder final : text::StreamDecoder {
      explicit Decoder(bool skip) : skip_special(skip) {}
      std::string push(int32_t id) override {
        if (id >= kBegin) return skip_special ? "" : ByteTokenizer().bytes_of(id);
        return std::string(1, char(id));
      }
      std::string flush() const override { return {}; }
      const bool skip_special;
    };
    return std::make_unique<Decoder>(skip_special);
  }
};

// "<b>role:content;" for each message, then "<b>" where the answer is asked for. Content is literal; what was
// sampled stands instead of role and content. With a syntax other than plain, or lists_tools, also
// "<b>tools:names;" in front.
class PlainTemplate final : public text::ChatTemplate {
 public:
  text::OutputSyntax syntax() const override { return form; }

  Result<text::Prompt> render(const text::Conversation& c) const override {
    text::Prompt p{.in_reasoning = in_reasoning};
    asked = c;
    if ((form != text::OutputSyntax::plain || lists_tools) && c.tools) {
      p.text += "<b>tools:";
      for (const Json& t : *c.tools) p.text += t["function"]["name"].get<std::string>();
      p.text += ";";
    }
    for (const Json& m : c.messages) {
      if (m.contains("sampled")) {
        stand(p, m["sampled"]);
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
  static void stand(text::Prompt& p, const Json& sampled) {
    for (const char* part : {"reasoning", "answer"}) {
      const auto text = sampled[part]["text"].get<std::string>();
      p.sampled.push_back(
          {{p.text.size(), p.text.size() + text.size()}, sampled[part]["ids"].get<std::vector<int32_t>>()});
      p.text += text;
    }
    p.text += ";";
  }
};

class FakeEngine final : public engine::Engine {
 public:
  struct Submitted {
    engine::Request request;
    engine::Sink sink;
    bool cancelled = false;
  };

  explicit FakeEngine(bool with_chat = true, text::OutputSyntax syntax = text::OutputSyntax::plain,
                      int64_t context = 40)
      : with_chat_(with_chat) {
    chat_template.form = syntax;
    card_.name = "Fake";
    card_.context = context;
  }
  const engine::ModelCard& card() const override { return card_; }
  const text::Tokenizer& tokenizer() const override { return tokenizer_; }
  const text::ChatTemplate* chat() const override { return with_chat_ ? &chat_template : nullptr; }
  std::string chat_fault() const override { return "no template in the file"; }
  std::optional<Error> fault() const override { return broken; }
  Result<engine::RequestId> submit(engine::Request request, engine::Sink sink) override {
    if (refusal) return *refusal;
    if (int(submitted.size()) >= room) return Error{Code::exhausted, "engine: the queue is full"};
    submitted.push_back({std::move(request), std::move(sink)});
    const engine::RequestId id = submitted.size();
    if (at_once) submitted.back().sink(at_once(int(id)));
    return id;
  }
  void cancel(engine::RequestId id) override { submitted.at(id - 1).cancelled = true; }
  engine::Stats stats() const override { return {.running = int(submitted.size())}; }

  std::vector<Submitted> submitted;
  int room = 100;
  std::optional<Error> broken, refusal;
  PlainTemplate chat_template;
  std::function<engine::Event(int)> at_once;  // an event before submit() returns

 private:
  const bool with_chat_;
  engine::ModelCard card_;
  ByteTokenizer tokenizer_;
};

}  // namespace autark::serve
