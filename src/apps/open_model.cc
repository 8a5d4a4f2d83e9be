#include "apps/open_model.h"
#include <algorithm>
#include "engine/loaded_model.h"

namespace autark::apps {
namespace {

// An error unless the tokens of both models have the same ids. One of them may have more tokens at the end.
std::optional<Error> fault_of_vocabulary(const text::Tokenizer& target, const std::filesystem::path& path,
                                         const std::filesystem::path& draft_path) {
  AUTARK_TRY(const auto draft, text::Tokenizer::open(draft_path));
  const int64_t both = std::min(target.size(), draft->size()), more = std::max(target.size(), draft->size());
  const auto fault = [&](const std::string& what) {
    return Error{Code::invalid, "the draft model " + draft_path.string() + " and the model " + path.string() +
                                    " have different vocabularies: " + what +
                                    "; draft with a model of one family"};
  };
  if (both < more - more / 16)
    return fault(std::to_string(draft->size()) + " and " + std::to_string(target.size()) + " tokens");
  for (int32_t id = 0; id < both; ++id) {
    if (target.bytes_of(id) != draft->bytes_of(id) || target.is_special(id) != draft->is_special(id))
      return fault("token " + std::to_string(id) + " differs");
  }
  return {};
}

}  // namespace

Result<OpenModel> open_model(const std::filesystem::path& path, engine::Options options) {
  auto text = text::ModelText::open(path);
  if (!text) {  // an error of loading the model itself says more than this one
    const auto model = engine::load_model(path, {.chip = options.chip, .rounding = options.rounding});
    return model ? text.error() : model.error();
  }
  options.end_tokens = text->end_tokens;
  if (const auto& draft = options.drafting.model; options.drafts > 0 && !draft.empty())
    if (auto e = fault_of_vocabulary(*text->tokenizer, path, draft)) return *e;
  AUTARK_TRY(auto engine, engine::Engine::open(path, options));
  return OpenModel{std::move(*text), std::move(engine)};
}

}  // namespace autark::apps
