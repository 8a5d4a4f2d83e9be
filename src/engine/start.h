// An Engine made of parts that are there already; Engine::open makes the parts from files.
#pragma once
#include <memory>
#include "engine/engine.h"
#include "engine/loaded_model.h"

namespace autark::engine {

struct Parts {
  LoadedModel model;
  std::unique_ptr<text::Tokenizer> tokenizer;
  std::unique_ptr<text::ChatTemplate> chat;  // may be empty, then chat_fault says why
  std::string chat_fault;
  ModelCard card;  // context and vocabulary are filled in here
};
Result<std::unique_ptr<Engine>> start(Parts parts, const Options& options);

}  // namespace autark::engine
