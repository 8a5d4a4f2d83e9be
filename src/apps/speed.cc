// Times are taken around whole steps, the way the engine runs them; work is counted by the dry chip, which
// runs the same model file over the same steps. Repeats are interleaved, the median counts.
#include "apps/speed.h"
#include <fmt/core.h>
#include <algorithm>
#include <chrono>
#include <memory>
#include <numeric>
#include <thread>
#include "apps/busy_processes.h"
#include "apps/speed_run.h"
#include "engine/loaded_model.h"
#include "engine/rounding_modes.h"
#include "hub/hub.h"

namespace autark::apps {
namespace {

double seconds_of(const std::function<void()>& work) {
  const auto began = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

Phase timed(VerbTimes& times, const std::function<void()>& work) {
  times.reset();
  Phase p{.seconds = seconds_of(work), .by_group = times.seconds()};
  // The threads' seconds become shares of the time on the wall.
  const double all = std::accumulate(p.by_group.begin(), p.by_group.end(), 0.0);
  for (double& s : p.by_group) s = all > 0 ? s * p.seconds / all : 0;
  return p;
}

// Of an even number of runs, the faster one of the two in the middle.
Phase median(std::vector<Phase> runs) {
  std::ranges::sort(runs, {}, &Phase::seconds);
  return runs[(runs.size() - 1) / 2];
}

Result<std::unique_ptr<engine::Cache>> cache_for(const engine::LoadedModel& m, const SpeedOptions& o) {
  const int64_t context = int64_t{o.depth} + o.prefill + o.decode;
  if (context > m.model->context())
    return Error{Code::invalid,
                 fmt::format("bench: {} + {} + {} tokens are more than the model's context of {}", o.depth,
                             o.prefill, o.decode, m.model->context())};
  return engine::Cache::make(
      *m.model, *m.chip,
      {.rounding = m.rounding.cache, .bytes_max = INT64_MAX, .context = context, .sequences_max = o.batch});
}

struct Costs {
  Cost prefill, decode;
};

Costs costs_of(const engine::LoadedModel& m, engine::Cache& cache, const SpeedOptions& o) {
  Cost all, prompt;
  const auto dry = make_dry_chip(&all);
  SpeedRun run(*m.model, *dry, cache, o.batch);
  run.skip(o.depth);
  run.read(o.prefill, o.chunk);
  prompt = std::exchange(all, {});
  run.write(o.decode);
  return {prompt, all};
}

void count_costs(const engine::LoadedModel& m, engine::Cache& cache, const SpeedOptions& o, Speed* s) {
  const Costs all = costs_of(m, cache, o);
  s->prefill_cost = all.prefill, s->decode_cost = all.decode;
  SpeedOptions alone = o;
  alone.batch = 1;
  const Cost one = costs_of(m, cache, alone).decode;
  s->bytes_of_one_alone = (one.weight_bytes + one.kv_bytes) / o.decode;
}

// The stored format that most FLOPs of the products go to.
Format main_format(const Cost& c) {
  const auto most = std::ranges::max_element(c.product_flops, {}, [](const auto& p) { return p.second; });
  return most == c.product_flops.end() ? Format::f32 : most->first;
}

// The arithmetic unit of the products with the main format: block formats multiply int8 also in official runs (two
// digits a value, so that these reach half of the peak at most), FP8 and BF16 there in pairs of bf16.
void name_unit(const Rounding& rounding, Speed* s) {
  const Format f = main_format(s->prefill_cost);
  const bool official = rounding.inputs == Rounding::Inputs::official;
  const bool pairs = f == Format::bf16 || f == Format::fp8_e4m3_b128x128;
  const bool plain = pairs || f == Format::f32 || f == Format::f16;
  const MachineSpeed& m = s->machine;
  if (rounding.inputs == Rounding::Inputs::int8 || (official && !plain)) {
    s->unit = "int8 " + m.isa, s->unit_gop_per_second = m.int8_gop_per_second;
  } else if (official && pairs && m.isa == "amx" && m.amx_bf16_gflop_per_second) {
    s->unit = "bf16 amx", s->unit_gop_per_second = *m.amx_bf16_gflop_per_second;
  } else if (official && pairs && m.bf16_gflop_per_second) {
    s->unit = "bf16 " + m.float_isa, s->unit_gop_per_second = *m.bf16_gflop_per_second;
  } else {
    s->unit = "f32 " + m.float_isa, s->unit_gop_per_second = m.f32_gflop_per_second;
  }
}

struct Phases {
  Phase prefill, decode;
};

Phases time_runs(engine::LoadedModel& m, engine::Cache& cache, const SpeedOptions& o, VerbTimes& times) {
  times.head_rows = m.model->vocabulary();
  std::vector<Phase> prefill, decode;
  for (int i = 0; i < o.repeat; ++i) {
    SpeedRun run(*m.model, *m.chip, cache, o.batch);
    run.fill(o.depth);
    prefill.push_back(timed(times, [&] { run.read(o.prefill, o.chunk); }));
    decode.push_back(timed(times, [&] { run.write(o.decode); }));
  }
  return {median(std::move(prefill)), median(std::move(decode))};
}

void time_all(engine::LoadedModel& m, engine::Cache& cache, const SpeedOptions& o, VerbTimes& times,
              Speed* s) {
  const Phases idle = time_runs(m, cache, o, times);
  s->prefill = idle.prefill, s->decode = idle.decode;
  if (!o.busy) return;
  const BusyProcesses load(static_cast<int>(std::thread::hardware_concurrency()));
  const Phases busy = time_runs(m, cache, o, times);
  s->busy = BusySpeed{load.count(), busy.prefill, busy.decode};
}

Result<engine::LoadedModel> load(const SpeedOptions& o, VerbTimes* times, double* seconds) {
  engine::LoadOptions options{.chip = o.chip, .threads = o.threads, .times = times};
  if (!o.rounding.empty()) {
    AUTARK_TRY(options.rounding, engine::rounding_named(o.rounding));
  }
  AUTARK_TRY(const auto path, hub::find_model(o.model));
  options.weight_cache = weight_cache_for(o.weight_cache, path);
  if (o.weight_cache.folder.empty())
    options.weight_cache.least_bytes = INT64_MAX;  // measuring writes nothing
  options.say = say_of_weight_cache;
  const auto began = std::chrono::steady_clock::now();
  AUTARK_TRY(auto m, engine::load_model(path, options));
  if (auto e = engine::warm_up(m)) return *e;
  *seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
  return m;
}

}  // namespace

Result<Speed> measure_speed(const SpeedOptions& o) {
  Speed s;
  AUTARK_TRY(s.machine, measure_machine({.threads = o.threads}));
  VerbTimes times;
  AUTARK_TRY(auto m, load(o, &times, &s.load_seconds));
  s.weights = engine::weights_line(m.checkpoint);
  s.rounding = m.rounding_line;
  AUTARK_TRY(const auto cache, cache_for(m, o));
  count_costs(m, *cache, o, &s);
  name_unit(m.rounding, &s);
  time_all(m, *cache, o, times, &s);
  m.chip->reset();
  if (auto e = m.change()) return *e;
  return s;
}

}  // namespace autark::apps
