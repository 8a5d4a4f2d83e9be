// An Engine made of parts that are there already; Engine::open makes the parts from files.
#pragma once
#include <memory>
#include "engine/engine.h"
#include "engine/loaded_model.h"

namespace autark::engine {

struct Parts {
  LoadedModel model;
  ModelCard card;  // context and vocabulary are filled in here
};
Result<std::unique_ptr<Engine>> start(Parts parts, const Options& options);

}  // namespace autark::engine
