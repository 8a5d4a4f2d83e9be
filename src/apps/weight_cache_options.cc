#include "apps/weight_cache_options.h"
#include <fmt/core.h>
#include <cstdio>
#include "weights/model_name.h"

namespace autark::apps {

void add_weight_cache_options(const Command& c, WeightCacheArguments& a) {
  c.option(
      "--weight-cache", a.folder,
      "Keep the weights as this processor reads them in this folder, so that the next start maps them "
      "(.autark "
      "in the model's folder, else autark/weights in the user's cache folder, for models of 2 GiB or more)",
      {.kind = "DIR"});
  c.flag("--no-weight-cache", a.off, "Prepare the weights in memory and neither read nor write a cache");
}

engine::WeightCachePlace weight_cache_for(const WeightCacheArguments& a, const std::filesystem::path& model) {
  if (a.off) return {};
  if (!a.folder.empty()) return {.folder = a.folder};
  return engine::default_weight_cache(model);
}

std::string weight_cache_line(const engine::WeightCachePlace& place, const std::filesystem::path& model,
                              int64_t checkpoint_bytes) {
  const int64_t there = engine::weight_cache_bytes(place.folder, model_name(model));
  const int64_t expected = engine::weight_cache_bytes_expected(checkpoint_bytes);
  if (there > 0) return fmt::format("{:.1f} GB in {}", double(there) / 1e9, place.folder.string());
  if (place.folder.empty()) return "none: no folder can be written";
  if (expected < place.least_bytes)
    return "none: a model of this size is prepared in memory; `autark prepare` writes one to " +
           place.folder.string();
  return fmt::format("none yet: the first start writes about {:.1f} GB to {}; --no-weight-cache prevents it",
                     double(expected) / 1e9, place.folder.string());
}

void say_of_weight_cache(const std::string& sentence) {
  fmt::print(stderr, "{}\n", sentence);
}

}  // namespace autark::apps
