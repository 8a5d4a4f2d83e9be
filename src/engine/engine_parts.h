// Starts an Engine from a model that is loaded already. Engine::open loads the files and calls this.
#pragma once
#include <memory>
#include <optional>
#include <string>
#include "engine/engine.h"
#include "engine/loaded_model.h"

namespace autark::engine {

struct Parts {
  LoadedModel model;
  ModelCard card = {};  // start() fills in context and vocabulary
  // Drafts, if DraftOptions allow it. REQUIRES: the same tokens have the same ids; the width may differ.
  std::optional<LoadedModel> draft_model = {};
};

// What drafts for this model.
struct Drafting {
  const Drafter* head = nullptr;  // null: no draft head
  bool lookup = false, model = false;
  int most = 0;  // tokens of a request in a step; 0: nothing drafts
};
Drafting drafting_of(const Options& o, const LoadedModel& m, bool draft_model);
std::string line_of(const Drafting& d);  // "lookup, MTP, up to 8 tokens ahead"

// Allocates the state of requests on the model's chip and starts the engine thread. Of `options` it reads the
// limits, the drafts and the end tokens. Code::exhausted if the state does not fit.
Result<std::unique_ptr<Engine>> start(Parts parts, const Options& options);

}  // namespace autark::engine
