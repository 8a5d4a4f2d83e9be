// From files to a running engine.
#include <algorithm>
#include <chrono>
#include "base/file_kind.h"
#include "engine/engine.h"
#include "engine/engine_parts.h"
#include "weights/model_name.h"

namespace autark::engine {
namespace {

bool names(const DraftOptions& o, DraftSource s) {
  return std::ranges::count(o.sources, s) > 0;
}

// Options that ask for a drafter that is not there.
std::optional<Error> fault_of(const DraftOptions& o, const LoadedModel& m,
                              const std::filesystem::path& path) {
  const std::string head = m.drafter ? m.drafter->name() : "";
  for (const auto& [source, name] :
       {std::pair(DraftSource::mtp, "MTP"), std::pair(DraftSource::dspark, "DSpark")})
    if (names(o, source) && head != name)
      return Error{Code::unsupported, path.string() + ": has no " + name + " head" +
                                          (head.empty() ? "" : ", but " + head) +
                                          "; run it with --speculate auto"};
  if (names(o, DraftSource::draft) && o.model.empty())
    return Error{Code::invalid, "--speculate draft needs a model; name it with --draft-model"};
  return {};
}

// The model of Options::drafting; nothing if there is none or it would not draft.
Result<std::optional<LoadedModel>> load_draft_model(const Options& o) {
  const DraftOptions& d = o.drafting;
  if (o.drafts == 0 || d.model.empty() || !(d.sources.empty() || names(d, DraftSource::draft)))
    return std::optional<LoadedModel>();
  AUTARK_TRY(LoadedModel m, load_model(d.model, {.chip = o.chip,
                                                 .rounding = o.rounding,
                                                 .threads = o.threads,
                                                 .weight_cache = o.weight_cache.folder.empty()
                                                                     ? WeightCachePlace{}
                                                                     : default_weight_cache(d.model),
                                                 .say = o.say}));
  if (auto e = warm_up(m)) return *e;
  return std::optional(std::move(m));
}

}  // namespace

Result<std::unique_ptr<Engine>> Engine::open(const std::filesystem::path& path, const Options& options) {
  const auto began = std::chrono::steady_clock::now();
  if (kind_of_file(path) == FileKind::safetensors) return Error{Code::invalid, folder_wanted(path)};
  const DraftOptions& d = options.drafting;
  const bool loads_head = options.drafts > 0 &&
                          (d.sources.empty() || names(d, DraftSource::mtp) || names(d, DraftSource::dspark));
  Parts p;
  AUTARK_TRY(p.model, load_model(path, {.chip = options.chip,
                                        .rounding = options.rounding,
                                        .threads = options.threads,
                                        .drafter = loads_head,
                                        .drafter_optional = options.drafting.sources.empty(),
                                        .weight_cache = options.weight_cache,
                                        .say = options.say}));
  if (auto e = warm_up(p.model, options.progress)) return *e;
  if (auto e = p.model.change()) return *e;
  if (auto e = options.drafts > 0 ? fault_of(d, p.model, path) : std::nullopt) return *e;
  AUTARK_TRY(p.draft_model, load_draft_model(options));
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
  if (const Drafting made = drafting_of(options, p.model, p.draft_model.has_value()); made.most > 0)
    p.card.kernels.emplace_back("drafts", line_of(made));
  p.card.load_seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return start(std::move(p), options);
}

}  // namespace autark::engine
