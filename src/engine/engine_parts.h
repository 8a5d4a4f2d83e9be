// Starts an Engine from a model that is loaded already. Engine::open loads the files and calls this.
#pragma once
#include <memory>
#include "engine/engine.h"
#include "engine/loaded_model.h"

namespace autark::engine {

struct Parts {
  LoadedModel model;
  ModelCard card;  // start() fills in context and vocabulary
};
// Allocates the state of requests on the model's chip and starts the engine thread. Of `options` it reads the
// limits, the drafts and the end tokens. Code::exhausted if the state does not fit.
Result<std::unique_ptr<Engine>> start(Parts parts, const Options& options);

}  // namespace autark::engine
