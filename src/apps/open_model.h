// A model as the commands `run` and `serve` use it: an engine for its tokens, and what its files say of text.
#pragma once
#include <filesystem>
#include <memory>
#include "engine/engine.h"
#include "text/model_text.h"

namespace autark::apps {

struct OpenModel {
  text::ModelText text;
  std::unique_ptr<engine::Engine> engine;  // its answers end with the text's end tokens, too
};
Result<OpenModel> open_model(const std::filesystem::path& path, engine::Options options);

}  // namespace autark::apps
