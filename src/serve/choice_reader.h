// Turns the engine's events of one choice into api::Events, in the order that api/item.h promises.
// AnswerReader makes the text; this class adds log-probabilities and token counts. Used by the server and by
// the terminal. Not thread-safe; one object per engine request.
#pragma once
#include "engine/engine.h"
#include "serve/prediction_match.h"
#include "serve/prompts.h"
#include "serve/replay.h"

namespace autark::serve {

class ChoiceReader {
 public:
  struct Options {
    int choice = 0;       // index in the request (api::Event::choice)
    bool echo = false;    // return the prompt before the answer
    bool scored = false;  // add log-probabilities
    bool keeps = false;   // the client asked that the prompt's state be kept
  };
  using Told = std::vector<api::Event>;

  // The tokenizer and the prompt must outlive the reader.
  ChoiceReader(const text::Tokenizer& tokenizer, const Prompt& prompt, const Options& options,
               AnswerReader::NewId new_id);

  // The answer may repeat these tokens: its usage will say how many of them it did.
  void expect(std::span<const int32_t> prediction);
  // Call when the engine has said how much of the prompt is reused.
  void admit(const engine::PrefixReuse& reuse);
  api::Event start();  // the first event: Started
  Told opening();      // call next: the events of the answer's beginning that is in the prompt
  // Reads the engine's events, in order. The last one yields Finished, except one with an error.
  Told read(engine::Event& event);

  // Set once the answer is complete although the model could go on: call Engine::finish with this reason.
  // Later tokens are ignored; Finished is returned with the engine's last event.
  std::optional<engine::Finish> enough() const;
  std::optional<api::Finish> finished() const { return finished_; }
  // What the model wrote, for the replay store. REQUIRES: finished(), and called once. `sampled` is empty for
  // a turn that was cut inside a call or stopped from outside: the client saw less than the model wrote, so
  // the sampled tokens must not be replayed.
  Replay::Turn take_turn();
  bool called() const { return reader_.called(); }  // true after the first complete call

 private:
  void listen(engine::Event& event, Told& told);
  api::PromptCache told_of(const engine::PrefixReuse& reuse) const;
  std::string shown(const std::vector<int32_t>& ids) const;
  std::string part_of(int64_t token) const;
  void on_token(engine::Event::Token& token, bool ends, Told& told);
  void echo(const std::vector<engine::Logprobs>& logprobs, Told& told);
  void finish(const engine::Event& event, Told& told);
  void emit(api::Event::Payload payload, Told& told);
  api::TokenLogprob named(int32_t id, const engine::Logprobs& logprobs) const;

  const text::Tokenizer& tokenizer_;
  const Prompt& prompt_;
  const Options options_;
  AnswerReader reader_;
  Replay::Turn turn_;
  api::Usage usage_;
  std::optional<PredictionMatch> prediction_;
  bool echoed_ = false;
  std::optional<api::Finish> finished_;
};

}  // namespace autark::serve
