#include "engine/loaded_model.h"
#include <algorithm>
#include <map>
#include <vector>
#include "engine/forward.h"
#include "engine/memory.h"
#include "engine/rounding_modes.h"
#include "models/architecture.h"
#include "models/dry_step.h"
#include "weights/model_name.h"

namespace autark::engine {
namespace {

std::map<std::string, int64_t> bytes_by_format(const Checkpoint& c) {
  std::map<std::string, int64_t> bytes;
  for (const auto& t : c.tensors) bytes[t.stored] += t.bytes;
  return bytes;
}

// True if more than half of the bytes are F32, F16 or BF16.
bool plain_weights(const Checkpoint& c) {
  int64_t plain = 0, all = 0;
  for (const auto& [format, bytes] : bytes_by_format(c)) {
    all += bytes;
    if (format == "F32" || format == "F16" || format == "BF16") plain += bytes;
  }
  return 2 * plain > all;
}

// `line` gets the mode and the reason for it (LoadedModel::rounding_line).
Result<Rounding> choose_rounding(const Architecture& a, const Checkpoint& c, const LoadOptions& options,
                                 std::string* line) {
  if (options.rounding) {
    *line = name_of(*options.rounding) + ": as asked for";
    return *options.rounding;
  }
  const bool plain = plain_weights(c);
  const RoundingDefault& usual = plain ? a.rounding.plain : a.rounding.blocks;
  if (std::string_view(usual.mode) == "fast" && !rounds_to_int8(options.chip)) {
    *line = "none: the ref chip is the oracle";
    return rounding_named("none");
  }
  *line =
      std::string(usual.mode) + ": row " + a.name + (plain ? " × plain, " : " × blocks, ") + usual.because;
  return rounding_named(usual.mode);
}

Result<std::unique_ptr<Drafter>> load_drafter(const Architecture& a, const std::filesystem::path& path,
                                              const Checkpoint& c) {
  const DrafterKind* kind = drafter_of(a, c.config);
  if (!kind)
    return Error{Code::unsupported, path.string() + ": has no draft head that this program knows (" +
                                        c.architecture + "); run it without drafts"};
  return kind->make(c.config, *c.weights);
}

// Puts the folder before a message that begins with "config.json:".
Error in_folder(const std::filesystem::path& path, Error fault) {
  std::error_code failed;
  if (fault.message.starts_with("config.json:") && std::filesystem::is_directory(path, failed))
    fault.message = (path / fault.message).string();
  return fault;
}

WeightCacheOptions cache_options(const Checkpoint& c, const LoadOptions& options) {
  return {.place = options.weight_cache,
          .rank = options.comm ? options.comm->rank() : 0,
          .ranks = options.comm ? options.comm->size() : 1,
          .bytes_expected = weight_cache_bytes_expected(c.bytes),
          .memory_free = memory_now().free,
          .say = options.say};
}

// Makes everything but LoadedModel::checkpoint, which the caller moves in afterwards.
Result<LoadedModel> bound_to(const Checkpoint& checkpoint, const std::filesystem::path& path,
                             const LoadOptions& options) {
  const auto architecture = find_architecture(checkpoint.architecture);
  if (!architecture)
    return Error{architecture.error().code, path.string() + ": " + architecture.error().message};
  LoadedModel m;
  AUTARK_TRY(m.rounding, choose_rounding(**architecture, checkpoint, options, &m.rounding_line));
  if (auto e = fault_of(m.rounding, **architecture, checkpoint.kind)) return *e;
  auto made = bind(checkpoint);
  if (!made) return in_folder(path, made.error());
  m.model = std::move(*made);
  if (options.drafter) {
    auto head = load_drafter(**architecture, path, checkpoint);
    if (head)
      m.drafter = std::move(*head);
    else if (!options.drafter_optional)
      return head.error();
  }
  m.weight_cache = std::make_unique<WeightCache>(*checkpoint.weights, model_name(path),
                                                 cache_options(checkpoint, options));
  AUTARK_TRY(m.chip, make_chip(options.chip, {.inputs = m.rounding.inputs,
                                              .threads = options.threads,
                                              .isa = options.isa,
                                              .eager = options.eager,
                                              .comm = options.comm,
                                              .times = options.times,
                                              .store = m.weight_cache.get()}));
  if (m.rounding.cache == Rounding::Cache::native)
    if (auto e = fault_of_records(*m.model, *m.chip)) return *e;
  return m;
}

// Reads with the draft head at position 0 and proposes at position 1, on the taps of the warm-up step.
void warm_up_drafter(LoadedModel& m, const Cache& cache, const SequenceState& state,
                     std::span<const Tensor> taps) {
  Packing rows(cache);
  rows.begin();
  rows.add(state, 0, std::vector<int32_t>{0}, std::vector<int32_t>{0});
  Step read = rows.step(*m.chip);
  Tensor carried = m.drafter->read(read, taps);
  m.chip->wait();
  rows.begin();
  rows.add(state, 1, std::vector<int32_t>(m.drafter->rows(0), m.drafter->filler()), {});
  Step propose = rows.step(*m.chip);
  m.drafter->propose(propose, 0, &carried);
  m.chip->wait();
}

}  // namespace

std::optional<Error> fault_of_records(const Model& m, const Chip& chip) {
  for (const Format record : cost_of_token(m, 0).attended)
    if (!chip.attends(record))
      return Error{Code::unsupported, std::string("attention of the ") + chip.name() +
                                          " chip cannot read state kept as " + name_of(record) +
                                          "; use --rounding none, which keeps it as F32, or --chip ref"};
  return {};
}

Result<LoadedModel> load_model(const std::filesystem::path& path, const LoadOptions& options) {
  const Comm* comm = options.comm;
  AUTARK_TRY(Checkpoint checkpoint, open_checkpoint(path, comm ? comm->rank() : 0, comm ? comm->size() : 1));
  auto m = bound_to(checkpoint, path, options);
  // Report a file that changed while it was read before any other error: it may be the cause of that one.
  if (auto e = checkpoint.weights->change()) return *e;
  if (m) m->checkpoint = std::move(checkpoint);
  return m;
}

std::optional<Error> LoadedModel::change() const {
  if (auto e = checkpoint.weights->change()) return e;
  return weight_cache ? weight_cache->change() : std::nullopt;
}

std::optional<Error> warm_up(LoadedModel& m, const std::function<void(double)>& progress) {
  const auto cache = Cache::make(
      *m.model, *m.chip,
      {.rounding = m.rounding.cache, .bytes_max = INT64_MAX, .context = 1, .drafter = m.drafter.get()});
  if (!cache) return {};
  const auto state = (*cache)->open();
  AUTARK_CHECK((*cache)->reserve(*state, 1));
  Forward step(*m.model, *m.chip, **cache, m.drafter.get());
  if (progress) {
    step.after_layer = [&](int layer) { progress(double(layer + 1) / (m.model->layers() + 1)); };
  }
  const std::vector<int32_t> token{0};
  const Chunk chunk{state.get(), token, {0}};
  step.run({&chunk, 1});
  if (m.drafter) warm_up_drafter(m, **cache, *state, step.taps());
  m.chip->reset();
  if (auto e = m.change()) return e;  // not to be kept
  if (auto e = m.weight_cache ? m.weight_cache->commit() : std::nullopt) return e;
  if (progress) progress(1);
  return {};
}

std::string weights_line(const Checkpoint& c) {
  std::vector<std::pair<int64_t, std::string>> parts;
  int64_t all = 0;
  for (const auto& [format, bytes] : bytes_by_format(c)) {
    parts.emplace_back(bytes, format);
    all += bytes;
  }
  std::ranges::sort(parts, std::greater{});
  std::string line;
  for (const auto& [bytes, format] : parts) {
    const int64_t percent = (200 * bytes + all) / std::max<int64_t>(2 * all, 1);
    if (percent > 0) line += (line.empty() ? "" : ", ") + format + " " + std::to_string(percent) + " %";
  }
  return line;
}

}  // namespace autark::engine
