// One api::Request inside the engine: several engine requests, one for each choice, whose events become
// api::Events (choice_reader.h). Lives as long as the engine holds a sink of it. Engine thread, and any
// thread that submits or cancels.
#pragma once
#include <memory>
#include <mutex>
#include "api/backend.h"
#include "engine/engine.h"
#include "serve/choice_reader.h"
#include "serve/prompts.h"
#include "serve/replay.h"

namespace autark::serve {

class Submission : public std::enable_shared_from_this<Submission> {
 public:
  Submission(engine::Engine& engine, const text::Tokenizer& tokenizer, const api::Request& request,
             std::vector<Prompt> prompts, Replay& replay, api::Backend::Sink sink);

  // One engine request for each choice, all of them or none. A refusal is the sink's Fault.
  void submit(const engine::Request& common, uint64_t seed);
  void cancel();

 private:
  struct Choice {
    engine::RequestId id = 0;
    ChoiceReader reader;
  };

  const Prompt& prompt_of(int choice) const { return prompts_[choice / n_]; }
  void on_event(int choice, engine::Event event);
  void remember(Choice& choice);
  void fail(const Error& error);
  void withdraw();
  void tell(ChoiceReader::Told told);

  engine::Engine& engine_;
  Replay& replay_;
  const std::string user_;
  Said said_;  // the conversation that is answered
  const int n_;
  const bool chat_;  // what the model writes is remembered
  const std::vector<Prompt> prompts_;

  std::mutex mutex_;
  api::Backend::Sink sink_;
  std::vector<Choice> choices_;
  ChoiceReader::Told beginnings_;  // of every choice, before any engine event
  size_t unfinished_ = 0;          // choices whose Finished was not told
  bool over_ = false;
};

}  // namespace autark::serve
