// api::Backend by an engine in this process: renders and tokenises, submits one engine request for each
// choice.
#pragma once
#include <atomic>
#include "api/backend.h"
#include "engine/engine.h"
#include "serve/conversation.h"
#include "serve/exposition.h"
#include "serve/submission.h"

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
  EngineBackend(std::unique_ptr<engine::Engine> engine, Options options);

  std::vector<api::ModelEntry> models() const override;
  std::string fingerprint() const override { return fingerprint_; }
  std::optional<api::Fault> fault() const override;
  Cancel submit(api::Request request, Sink sink) override;
  api::Outcome<int64_t> count_tokens(const api::Request& request) const override;

  void expose(Exposition& out) const;
  const engine::Engine& engine() const { return *engine_; }

 private:
  bool serves(const std::string& model) const;
  api::Outcome<std::vector<Tokenized>> prompts_of(const api::Request& request) const;
  api::Outcome<Tokenized> rendered(api::Request request) const;
  std::optional<api::Fault> refused_tools(const api::Request& request) const;
  api::Outcome<std::string> opening_of(const api::Request& request, bool in_reasoning) const;
  api::Outcome<Tokenized> plain(const api::Request& request, const std::string& text) const;
  Tokenized given(const api::Request& request, const std::vector<int32_t>& ids) const;
  engine::Request common_of(const api::Request& request) const;

  Replay replay_;  // before the engine: requests under way use it until they are gone
  const std::unique_ptr<engine::Engine> engine_;
  const Options options_;
  const TemplateForm form_;
  const std::vector<int32_t> preamble_;  // what the tokenizer puts in front of a text, such as <bos>
  const std::string fingerprint_;
  std::atomic<uint64_t> next_seed_;
};

}  // namespace autark::serve
