#include "apps/weight_cache_options.h"
#include <fmt/core.h>
#include <cstdio>
#include "weights/model_name.h"

namespace autark::apps {

void add_weight_cache_options(const Command& c, WeightCacheArguments& a) {
  c.option(
      "--weight-cache", a.folder,
      "Keep the weights as this processor reads them in this folder, so that the next start maps them (what "
      "`autark prepare` wrote without it; else weights are prepared in memory)",
      {.kind = "DIR"});
  c.flag("--no-weight-cache", a.off, "Prepare the weights in memory and neither read nor write a cache");
}

engine::WeightCachePlace weight_cache_for(const WeightCacheArguments& a, const std::filesystem::path& model) {
  if (a.off) return {};
  if (!a.folder.empty()) return {.folder = a.folder};
  const engine::WeightCachePlace place = engine::default_weight_cache(model);
  if (engine::weight_cache_bytes(place.folder, model_name(model)) == 0) return {};
  return place;
}

void say_of_weight_cache(const std::string& sentence) {
  fmt::print(stderr, "{}\n", sentence);
}

}  // namespace autark::apps
