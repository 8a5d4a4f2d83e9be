// One api::Request inside the engine: several engine requests, one for each choice, whose events become
// api::Events. Lives as long as the engine holds a sink of it. Engine thread, and any thread that submits or
// cancels.
#pragma once
#include <memory>
#include <mutex>
#include "api/backend.h"
#include "engine/engine.h"
#include "serve/answer_reader.h"
#include "serve/replay.h"

namespace autark::serve {

struct Tokenized {  // one prompt
  std::vector<int32_t> ids;
  std::string text;  // shown where the prompt is echoed
  std::optional<AnswerReader::Rules>
      answer;  // how its answer is taken apart; empty: it is content as it comes
};

class Submission : public std::enable_shared_from_this<Submission> {
 public:
  Submission(engine::Engine& engine, const api::Request& request, std::vector<Tokenized> prompts,
             Replay& replay, api::Backend::Sink sink);

  // One engine request for each choice. A refusal withdraws all of them and is the sink's Fault.
  void submit(const engine::Request& common, uint64_t seed);
  void cancel();

 private:
  struct Choice {
    engine::RequestId id = 0;
    api::Usage usage;
    std::unique_ptr<AnswerReader> reader;
    Replay::Turn turn;  // with a reader
    bool echoed = false, finished = false;
  };

  const Tokenized& prompt_of(int choice) const { return prompts_[choice / n_]; }
  void open();
  void on_event(int choice, engine::Event event);
  void translate(int choice, engine::Event& event);
  void say(int choice, engine::Event::Token& token, bool ends);
  void echo(int choice, const std::vector<engine::Logprobs>& logprobs);
  void finish(int choice, const engine::Event& event);
  void end(int choice, api::Event::Finished finished);
  void remember(Choice& choice, api::Finish why);
  void fail(const Error& error);
  void withdraw();
  void tell(int choice, api::Event::What what);
  api::TokenLogprob named(int32_t id, const engine::Logprobs& logprobs) const;

  engine::Engine& engine_;
  Replay& replay_;
  const std::string user_;
  Said said_;  // the conversation that is answered
  const int n_;
  const bool echo_, scored_, skip_special_;
  const std::vector<Tokenized> prompts_;

  std::mutex mutex_;
  api::Backend::Sink sink_;
  std::vector<Choice> choices_;
  std::vector<std::pair<int, engine::Event>> early_;  // before every choice was accepted
  bool open_ = false, over_ = false;
};

// What an engine's refusal or failure is to a client.
api::Fault fault_of(const Error& error);

}  // namespace autark::serve
