// What a client hears of one choice: the engine's events become api::Events, in the order that api/item.h
// promises. Adds to the text (answer_reader.h) what belongs to a token: its log-probability, and how many
// came. The server and the terminal read the engine with this class. Belongs to one engine request and one
// thread at a time.
#pragma once
#include "engine/engine.h"
#include "serve/prompts.h"
#include "serve/replay.h"

namespace autark::serve {

class ChoiceReader {
 public:
  struct Options {
    int choice = 0;       // its number in the request
    bool echo = false;    // the prompt comes back in front of the answer
    bool scored = false;  // log-probabilities are wanted
  };
  using Told = std::vector<api::Event>;

  // Tokenizer and prompt outlive it.
  ChoiceReader(const text::Tokenizer& tokenizer, const Prompt& prompt, const Options& options,
               AnswerReader::NewId new_id);

  api::Event start();  // first: the prompt is accepted
  Told opening();      // then: what the prompt says of the answer
  // Each event in its turn. The last one gives Finished, unless it is an error.
  Told read(engine::Event& event);

  // Why the engine shall finish this request, although the model would go on (Engine::finish). Nothing more
  // is read then; Finished follows with the engine's last event.
  std::optional<engine::Finish> enough() const;
  std::optional<api::Finish> finished() const { return finished_; }
  // What the model wrote, for the request that goes on with it. Once; REQUIRES: finished(). Its `sampled` is
  // empty where the turn cannot stand in a prompt as it was written: it was stopped from outside or cut
  // inside a call, and the client was not given all of it.
  Replay::Turn take_turn();
  bool called() const { return reader_.called(); }  // a whole call came

 private:
  void listen(engine::Event& event, Told& told);
  void say(engine::Event::Token& token, bool ends, Told& told);
  void echo(const std::vector<engine::Logprobs>& logprobs, Told& told);
  void finish(const engine::Event& event, Told& told);
  void tell(api::Event::What what, Told& told);
  api::TokenLogprob named(int32_t id, const engine::Logprobs& logprobs) const;

  const text::Tokenizer& tokenizer_;
  const Prompt& prompt_;
  const Options options_;
  AnswerReader reader_;
  Replay::Turn turn_;
  api::Usage usage_;
  bool echoed_ = false;
  std::optional<api::Finish> finished_;
};

}  // namespace autark::serve
