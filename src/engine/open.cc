// From files to a running engine.
#include <algorithm>
#include <chrono>
#include "base/file_kind.h"
#include "engine/engine.h"
#include "engine/engine_parts.h"
#include "weights/model_name.h"

namespace autark::engine {

Result<std::unique_ptr<Engine>> Engine::open(const std::filesystem::path& path, const Options& options) {
  const auto began = std::chrono::steady_clock::now();
  if (kind_of_file(path) == FileKind::safetensors) return Error{Code::invalid, folder_wanted(path)};
  Parts p;
  AUTARK_TRY(p.model, load_model(path, {.chip = options.chip,
                                        .rounding = options.rounding,
                                        .threads = options.threads,
                                        .drafter = options.drafts > 0,
                                        .weight_cache = options.weight_cache,
                                        .say = options.say}));
  if (auto e = warm_up(p.model, options.progress)) return *e;
  if (auto e = p.model.change()) return *e;
  const Checkpoint& c = p.model.checkpoint;
  p.card = {.name = model_name(path),
            .path = path.string(),
            .architecture = c.architecture,
            .weights = weights_line(c),
            .parameters = c.parameters,
            .bytes = c.bytes,
            .chip = p.model.chip->name(),
            .rounding = p.model.rounding_line,
            .weight_cache = p.model.weight_cache->line(),
            .kernels = p.model.chip->kernels()};
  if (const Drafter* d = p.model.drafter.get())
    p.card.kernels.emplace_back("drafts", std::string(d->name()) + ", up to " +
                                              std::to_string(std::min(options.drafts, d->drafts_max())) +
                                              " ahead");
  p.card.load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return start(std::move(p), options);
}

}  // namespace autark::engine
