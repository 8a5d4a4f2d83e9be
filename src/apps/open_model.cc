#include "apps/open_model.h"
#include "engine/loaded_model.h"

namespace autark::apps {

Result<OpenModel> open_model(const std::filesystem::path& path, engine::Options options) {
  auto text = text::ModelText::open(path);
  if (!text) {  // an error of loading the model itself says more than this one
    const auto model = engine::load_model(path, {.chip = options.chip, .rounding = options.rounding});
    return model ? text.error() : model.error();
  }
  options.end_tokens = text->end_tokens;
  AUTARK_TRY(auto engine, engine::Engine::open(path, options));
  return OpenModel{std::move(*text), std::move(engine)};
}

}  // namespace autark::apps
