// api::Backend with an engine in this process: makes prompts and submits one engine request per choice.
// submit() and all const members are safe from any thread.
#pragma once
#include <atomic>
#include "api/backend.h"
#include "engine/engine.h"
#include "http/workers.h"
#include "serve/answer_forms.h"
#include "serve/cache_domain.h"
#include "serve/exposition.h"
#include "serve/pending_submission.h"
#include "serve/prompts.h"
#include "serve/public_prefixes.h"
#include "serve/submission.h"
#include "text/model_text.h"

namespace autark::serve {

class EngineBackend final : public api::Backend {
 public:
  struct Options {
    std::string id;                    // the model's name for clients
    std::vector<std::string> aliases;  // further names; a request without a name is always accepted
    engine::Sampling defaults;         // for what a request leaves open
    ReasoningDefaults reasoning;       // for requests that do not set thinking or effort
    int64_t created = 0;               // for the list of models: seconds since 1970
    uint64_t seed = 0;                 // seeds of requests without one are derived from it
    CacheIsolation isolation = CacheIsolation::user;
    bool keep_attribution = false;          // leave Claude Code's attribution line in the prompt
    std::vector<std::string> trial;         // the helper that tries structures (text/structure.h)
    std::vector<std::string> public_texts;  // whose state all users may share (public_prefixes.h)
    int64_t requests_max = 0;               // choices that run and wait at once; 0: not told to clients
  };
  EngineBackend(std::unique_ptr<engine::Engine> engine, text::ModelText text, Options options);
  ~EngineBackend() override;

  std::vector<api::ModelEntry> models() const override;
  std::string fingerprint() const override { return fingerprint_; }
  std::optional<api::ApiError> fault() const override;
  api::ApiResult<api::Extent> prepare(api::Request& request) const override;
  Handle submit(api::Request request, Sink sink) override;
  api::ApiResult<int64_t> count_tokens(const api::Request& request) const override;
  api::ApiResult<std::vector<int32_t>> tokenize(const api::Request& request) const override;
  api::ApiResult<std::string> detokenize(std::span<const int32_t> ids) const override;
  api::ApiResult<Json> tokenizer_info() const override;
  Json about() const override;

  void clear_cache() override { engine_->clear_prefixes(); }
  Json state() const override;

  // Writes the engine's metrics; expose_vllm(): under the names that vLLM gives them.
  void expose(Exposition& out) const;
  void expose_vllm(Exposition& out) const;
  const engine::Engine& engine() const { return *engine_; }
  const text::ModelText& text() const { return text_; }  // both live as long as the backend

 private:
  bool serves(const std::string& model) const;
  std::optional<api::ApiError> not_served(const std::string& model) const;
  api::ApiResult<std::vector<Prompt>> prompts_of(const api::Request& request) const;
  std::optional<api::ApiError> not_in_vocabulary(const api::Request& request,
                                                 const std::vector<Prompt>& prompts) const;
  std::optional<api::ApiError> too_long(const api::Request& request,
                                        const std::vector<Prompt>& prompts) const;
  std::vector<api::Allowance> allowances() const;
  engine::Request common_of(const api::Request& request) const;
  // A request that was checked, and what it needs to be submitted.
  struct Work {
    api::Request request;
    std::vector<Prompt> prompts;
    AnswerForms::Asked asked;
    Sink sink;
    std::shared_ptr<PendingSubmission> pending;
  };
  void begin(Work& work, AnswerMasks masks);
  void compile(Work& work);

  // The engine is declared after these, because its requests use them until it is destroyed.
  Replay replay_;
  const text::ModelText text_;
  const Prompts prompts_;
  AnswerForms forms_;
  std::atomic<bool> stopping_ = false;
  const PublicPrefixes public_;
  const std::unique_ptr<engine::Engine> engine_;
  const Options options_;
  const std::string fingerprint_;
  std::atomic<uint64_t> next_seed_;
  http::Workers compilers_;  // the last member: its jobs use all others
};

}  // namespace autark::serve
