#include "apps/weight_cache_options.h"
#include <fmt/core.h>
#include <cstdio>

namespace autark::apps {

void add_weight_cache_options(const Command& c, WeightCacheArguments& a) {
  c.option(
      "--weight-cache", a.folder,
      "Keep the weights as this processor reads them in this folder, so that the next start maps them "
      "(.autark in the model's folder where that can be written, else autark/weights in the user's cache "
      "folder; only for models of 64 MB and more)",
      {.kind = "DIR"});
  c.flag("--no-weight-cache", a.off, "Prepare the weights in memory at every start and write nothing");
}

engine::WeightCachePlace weight_cache_for(const WeightCacheArguments& a, const std::filesystem::path& model) {
  if (a.off) return {};
  if (!a.folder.empty()) return {.folder = a.folder};
  return engine::default_weight_cache(model);
}

void say_of_weight_cache(const std::string& sentence) {
  fmt::print(stderr, "{}\n", sentence);
}

}  // namespace autark::apps
