// Opens a model for the commands `run` and `serve`: an engine for its tokens, its tokenizer and its
// chat template.
#pragma once
#include <filesystem>
#include <memory>
#include "engine/engine.h"
#include "text/model_text.h"

namespace autark::apps {

// A loaded model. The engine also stops at the end tokens that `text` names.
struct OpenModel {
  text::ModelText text;
  std::unique_ptr<engine::Engine> engine;
};
// Opens the model at `path`. Blocks until it is loaded; options.progress reports how far it is.
Result<OpenModel> open_model(const std::filesystem::path& path, engine::Options options);

}  // namespace autark::apps
