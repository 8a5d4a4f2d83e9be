#include "serve/fake_engine.h"
#include <algorithm>
#include <mutex>
#include <utility>

namespace autark::serve {
namespace {

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

struct Decoder final : text::StreamDecoder {
  explicit Decoder(bool skip) : skip_special(skip) {}
  std::string push(int32_t id) override {
    const ByteTokenizer t;
    return skip_special && t.is_special(id) ? "" : t.bytes_of(id);
  }
  std::string flush() const override { return {}; }
  const bool skip_special;
};

void stand(text::Prompt& p, const SampledTurn& sampled) {
  for (const TokenSpan* part : {&sampled.reasoning, &sampled.answer}) {
    p.sampled.push_back({{p.text.size(), p.text.size() + part->text.size()}, part->ids});
    p.text += part->text;
  }
  p.text += ";";
}

}  // namespace

void ByteTokenizer::name(int32_t id, std::string_view text) {
  Pieces::all().set(id, text);
}
int32_t ByteTokenizer::token(std::string_view text) {
  return text.size() == 1 ? uint8_t(text[0]) : Pieces::all().find(text);
}

Result<std::vector<int32_t>> ByteTokenizer::encode(std::string_view text, text::EncodeOptions o) const {
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

std::string ByteTokenizer::bytes_of(int32_t id) const {
  if (id >= kPieces) return Pieces::all().get(id);
  if (id == kBegin) return "<b>";
  return id == kEndThink ? "</think>" : std::string(1, char(id));
}

bool ByteTokenizer::is_special(int32_t id) const {
  return id == kBegin || id == kEndThink;
}
std::optional<int32_t> ByteTokenizer::id_of(std::string_view) const {
  return {};
}
std::optional<std::string> ByteTokenizer::special_text(std::string_view) const {
  return {};
}
std::map<std::string, std::string, std::less<>> ByteTokenizer::special_texts() const {
  return {};
}
std::vector<std::string> ByteTokenizer::markup() const {
  return {"<b>"};
}
std::vector<int32_t> ByteTokenizer::end_tokens() const {
  return {kBegin};
}

std::unique_ptr<text::StreamDecoder> ByteTokenizer::stream(bool skip_special) const {
  return std::make_unique<Decoder>(skip_special);
}

PlainTemplate::PlainTemplate() = default;
PlainTemplate::~PlainTemplate() = default;

Result<text::Prompt> PlainTemplate::render(const text::Conversation& c) const {
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

FakeEngine::FakeEngine(int64_t context) {
  card_.name = "Fake";
  card_.context = context;
  card_.vocabulary = 100'000;
}

Result<std::vector<engine::RequestId>> FakeEngine::submit(std::vector<engine::Request> group,
                                                          engine::GroupSink sink) {
  if (refusal) return *refusal;
  if (int(submitted.size() + group.size()) > room) return Error{Code::exhausted, "engine: the queue is full"};
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

void FakeEngine::finish(engine::RequestId id, engine::Finish why) {
  submitted.at(id - 1).finished = why;
  ++finish_calls;
}

void FakeEngine::say(int i, engine::Event e) {
  e.id = engine::RequestId(i + 1);
  submitted.at(i).sink(std::move(e));
}

engine::Stats FakeEngine::stats() const {
  return {.running = int(submitted.size())};
}
void FakeEngine::join() {
  if (early_.joinable()) early_.join();
}
FakeEngine::~FakeEngine() {
  join();
}

text::ModelText byte_text(std::unique_ptr<text::ChatTemplate> chat) {
  text::ModelText t{.tokenizer = std::make_unique<ByteTokenizer>()};
  if (!chat) t.chat_fault = "no template in the file";
  t.chat = std::move(chat);
  return t;
}

}  // namespace autark::serve
