// api::Backend by an engine in this process: makes prompts, submits one engine request for each choice.
#pragma once
#include <atomic>
#include "api/backend.h"
#include "engine/engine.h"
#include "serve/exposition.h"
#include "serve/prompts.h"
#include "serve/submission.h"
#include "text/model_text.h"

namespace autark::serve {

class EngineBackend final : public api::Backend {
 public:
  struct Options {
    std::string id;                    // the model's name for clients
    std::vector<std::string> aliases;  // further names; an empty one is always accepted
    engine::Sampling defaults;
    Manner manner;  // of requests that say nothing of thinking
    int64_t created = 0;
    uint64_t seed = 0;  // of requests that bring none
  };
  EngineBackend(std::unique_ptr<engine::Engine> engine, text::ModelText text, Options options);

  std::vector<api::ModelEntry> models() const override;
  std::string fingerprint() const override { return fingerprint_; }
  std::optional<api::Fault> fault() const override;
  Cancel submit(api::Request request, Sink sink) override;
  api::Outcome<int64_t> count_tokens(const api::Request& request) const override;

  void expose(Exposition& out) const;
  const engine::Engine& engine() const { return *engine_; }
  const text::ModelText& text() const { return text_; }

 private:
  bool serves(const std::string& model) const;
  api::Outcome<std::vector<Prompt>> prompts_of(const api::Request& request) const;
  engine::Request common_of(const api::Request& request) const;

  Replay replay_;  // before the engine, as the text: requests under way use them until they are gone
  const text::ModelText text_;
  const Prompts prompts_;
  const std::unique_ptr<engine::Engine> engine_;
  const Options options_;
  const std::string fingerprint_;
  std::atomic<uint64_t> next_seed_;
};

}  // namespace autark::serve
