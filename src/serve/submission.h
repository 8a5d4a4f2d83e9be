// One api::Request while the engine computes it: a group of engine requests, one per choice, whose events
// become api::Events (choice_reader.h). The engine's sinks own it, so it lives until the last of them is
// destroyed. Events come on the engine thread; submit() and cancel() may be called from any thread.
#pragma once
#include <atomic>
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
  // `engine`, `tokenizer` and `replay` must outlive the submission. `prompts`: see Prompts::of. `allowances` go to
  // the client with the first Started.
  Submission(engine::Engine& engine, const text::Tokenizer& tokenizer, const api::Request& request,
             std::vector<Prompt> prompts, Replay& replay, api::Backend::Sink sink,
             std::vector<api::Allowance> allowances = {});

  // Makes the constraint of one choice from its prompt.
  using Constrain = std::function<std::shared_ptr<engine::Constraint>(const Prompt&)>;
  // Submits one engine request per choice, all or none: `common` with the choice's prompt and seed. If the
  // engine refuses, the sink gets an ApiError. Call once.
  void submit(const engine::Request& common, uint64_t seed, const Constrain& constrain = {});
  // Cancels all choices that have not finished.
  void cancel();
  // Where the choice stands in the queue that starts first; unset if one runs or all have ended. Takes no lock that
  // events hold.
  std::optional<api::QueuePlace> place() const;

 private:
  struct Choice {
    engine::RequestId id = 0;
    ChoiceReader reader;
  };

  const Prompt& prompt_of(int choice) const { return prompts_[choice / n_]; }
  void on_event(int choice, engine::Event event);
  void begin();
  void remember(Choice& choice);
  void fail(api::ApiError fault);
  void withdraw();
  void emit(ChoiceReader::Told told);

  engine::Engine& engine_;
  Replay& replay_;
  const std::string user_;
  ConversationHash conversation_;  // the conversation that is answered
  const int n_;                    // choices per prompt
  const bool chat_;                // a conversation: its answers go to the replay store
  const std::vector<Prompt> prompts_;
  std::vector<api::Allowance> allowances_;

  std::mutex mutex_;
  api::Backend::Sink sink_;
  std::vector<Choice> choices_;
  bool begun_ = false;     // the beginnings of all choices were sent
  size_t unfinished_ = 0;  // choices whose Finished was not sent
  bool over_ = false;
  std::atomic<engine::RequestId> first_{0};  // of the choices; 0: none was accepted yet
};

}  // namespace autark::serve
