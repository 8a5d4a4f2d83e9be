// For tests: the server's whole stack around a model that replays a corpus of outputs.
//
//   corpus_server CORPUS.jsonl
//
// Prints "listening PORT". A user message "case 17 cut 3" is answered with line 17 of the corpus (JSON with
// "text", "mode" thinking | chat, "end" stop | length), in tokens of 3 characters; with "cut 0" in tokens of
// 1 to 9 characters, at random. The program ends at the end of standard input.
#include <algorithm>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <fstream>
#include <mutex>
#include <random>
#include <thread>
#include "http/server.h"
#include "serve/engine_backend.h"
#include "serve/fake_engine.h"
#include "serve/service.h"

namespace autark {
namespace {

using Corpus = std::vector<Json>;

struct Case {
  size_t line = 0, cut = 0;
};

Case case_of(const std::string& prompt) {
  Case c;
  if (const size_t at = prompt.rfind("case "); at != prompt.npos)
    std::sscanf(prompt.c_str() + at, "case %zu cut %zu", &c.line, &c.cut);
  return c;
}

// A chat template whose prompt is the text of all user messages.
class CorpusTemplate final : public text::ChatTemplate {
 public:
  explicit CorpusTemplate(const Corpus& corpus) : corpus_(corpus) {}
  text::OutputSyntax syntax() const override { return text::OutputSyntax::dsml; }
  Result<text::Prompt> render(const text::Conversation& c) const override {
    text::Prompt p;
    if (c.tools) p.text = "tools ";
    for (const Json& m : c.messages)
      if (m["role"] == "user") p.text += m["content"].get<std::string>();
    const Case asked = case_of(p.text);
    if (asked.line >= corpus_.size()) return Error{Code::invalid, "the corpus has no such line"};
    p.in_reasoning = corpus_[asked.line]["mode"] == "thinking";
    return p;
  }

 private:
  const Corpus& corpus_;
};

// `text` cut into pieces of whole characters.
std::vector<std::string> pieces_of(const std::string& text, size_t cut) {
  std::vector<std::string> all;
  std::mt19937 random(unsigned(text.size()));
  size_t left = 0;
  for (const char c : text) {
    const bool begins = (c & 0xc0) != 0x80;
    if (begins && left == 0) {
      all.emplace_back();
      left = cut ? cut : 1 + random() % 9;
    }
    left -= begins;
    all.back() += c;
  }
  return all;
}

class CorpusEngine final : public engine::Engine {
 public:
  explicit CorpusEngine(const Corpus& corpus) : corpus_(corpus) {
    card_.name = "Corpus";
    card_.context = 1 << 20;
    thread_ = std::thread([this] { run(); });
  }
  ~CorpusEngine() override {
    {
      const std::lock_guard lock(mutex_);
      stop_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  const engine::ModelCard& card() const override { return card_; }
  using Engine::submit;
  Result<std::vector<engine::RequestId>> submit(std::vector<engine::Request> group,
                                                engine::GroupSink sink) override {
    const std::lock_guard lock(mutex_);
    std::vector<engine::RequestId> ids;
    for (int i = 0; i < int(group.size()); ++i) {
      ids.push_back(++last_id_);
      inbox_.push_back(
          {last_id_, std::move(group[i]), [sink, i](engine::Event e) { sink(i, std::move(e)); }});
    }
    wake_.notify_one();
    return ids;
  }
  // Nothing to stop: the whole answer is sent at once.
  void finish(engine::RequestId, engine::Finish) override {}
  engine::Stats stats() const override { return {}; }

 private:
  struct Submitted {
    engine::RequestId id;
    engine::Request request;
    engine::Sink sink;
  };

  void run() {
    for (;;) {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [&] { return stop_ || !inbox_.empty(); });
      if (inbox_.empty()) return;
      const Submitted next = std::move(inbox_.front());
      inbox_.pop_front();
      lock.unlock();
      answer(next);
    }
  }
  void answer(const Submitted& to) const {
    std::string prompt;
    for (const int32_t id : to.request.prompt) prompt += serve::ByteTokenizer().bytes_of(id);
    const Case asked = case_of(prompt);
    const Json& line = corpus_[asked.line];
    engine::Event e{.id = to.id, .usage = {.prompt_tokens = std::ssize(to.request.prompt)}};
    for (const std::string& piece : pieces_of(line["text"].get<std::string>(), asked.cut)) {
      e.tokens = {{.id = serve::ByteTokenizer::token(piece)}};
      ++e.usage.completion_tokens;
      to.sink(e);
    }
    e.tokens.clear();
    e.finish = line["end"] == "length" ? engine::Finish::length : engine::Finish::stop;
    to.sink(e);
  }

  const Corpus& corpus_;
  engine::ModelCard card_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<Submitted> inbox_;
  engine::RequestId last_id_ = 0;
  bool stop_ = false;
  std::thread thread_;
};

int run(const char* path) {
  Corpus corpus;
  std::ifstream in(path);
  for (std::string line; std::getline(in, line);) {
    auto json = parse_json(line, path);
    if (!json) return std::fprintf(stderr, "%s\n", json.error().message.c_str()), 1;
    corpus.push_back(std::move(*json));
  }
  serve::Service service({});
  auto server = http::Server::start({.error_body = serve::Service::error_body}, service.router());
  if (!server) return std::fprintf(stderr, "%s\n", server.error().message.c_str()), 1;
  service.open(std::make_shared<serve::EngineBackend>(
      std::make_unique<CorpusEngine>(corpus), serve::byte_text(std::make_unique<CorpusTemplate>(corpus)),
      serve::EngineBackend::Options{.id = "model"}));
  std::printf("listening %d\n", int((*server)->port()));
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
  return 0;
}

}  // namespace
}  // namespace autark

int main(int argc, char** argv) {
  if (argc == 2) return autark::run(argv[1]);
  std::fprintf(stderr, "corpus_server CORPUS.jsonl\n");
  return 2;
}
