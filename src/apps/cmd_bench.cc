// autark bench. Times are measured around whole steps, run as the engine runs them. Work is counted by the
// `dry` chip, which runs the same model file over the same steps. Prefill and decode alternate; the result is
// the median of each.
//
//   decode GB/s     (weight bytes + state bytes of a token) · tok/s, compared with the read bandwidth
//   prefill FLOP/s  FLOP of the prompt / its time, compared with the measured peak of products on this ISA
#include "apps/cmd_bench.h"
#include <fmt/core.h>
#include <algorithm>
#include <chrono>
#include <memory>
#include "apps/command_line.h"
#include "apps/report.h"
#include "engine/forward.h"
#include "engine/loaded_model.h"
#include "engine/rounding_modes.h"
#include "engine/sampler.h"
#include "hub/hub.h"

namespace autark::apps {
namespace {

struct Arguments {
  std::string model, chip = "cpu", rounding;
  int prefill = 512, decode = 96, threads = 0, repeat = 3, chunk = 512;
  bool json = false;
};

double seconds_of(const std::function<void()>& work) {
  const auto began = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

double median(std::vector<double> x) {
  std::ranges::sort(x);
  return x.size() % 2 ? x[x.size() / 2] : (x[x.size() / 2 - 1] + x[x.size() / 2]) / 2;
}

// One sequence on one chip: a prompt in chunks of at most `chunk` tokens, then single tokens.
class Run {
 public:
  Run(const Model& m, Chip& on, engine::Cache& cache)
      : vocabulary_(m.vocabulary()), state_(cache.open()), forward_(m, on, cache) {
    AUTARK_CHECK(state_ && cache.reserve(*state_, cache.context()));
  }
  // Prefill with a fixed, made-up prompt.
  void read(int tokens, int chunk) {
    std::vector<int32_t> prompt(tokens);
    for (int i = 0; i < tokens; ++i) prompt[i] = int32_t((int64_t{7919} * i + 13) % vocabulary_);
    for (int at = 0; at < tokens; at += chunk) {
      const int count = std::min(chunk, tokens - at);
      step(std::span(prompt).subspan(at, count), at + count == tokens);
    }
  }
  // Greedy decoding; end tokens do not stop it.
  void write(int tokens) {
    for (int i = 0; i < tokens; ++i) step({&next_, 1}, true);
  }

 private:
  void step(std::span<const int32_t> tokens, bool last) {
    engine::Chunk c{.state = state_.get(), .tokens = tokens};
    if (last) c.wanted = {int32_t(tokens.size()) - 1};
    const engine::Logits logits = forward_.run({&c, 1});
    if (last && logits.rows() > 0) next_ = engine::argmax(logits.row(0));
  }

  int64_t vocabulary_;
  std::unique_ptr<engine::SequenceState> state_;
  engine::Forward forward_;
  int32_t next_ = 0;
};

// All measured and counted numbers.
struct Figures {
  MachineSpeed machine;
  std::string weights, rounding;
  double load_seconds = 0, prefill_seconds = 0, decode_seconds = 0;
  Cost prefill, decode;  // of the whole prompt; of all generated tokens
  bool int8 = false;     // products take 8-bit inputs

  double prefill_rate(const Arguments& a) const { return a.prefill / prefill_seconds; }
  double decode_rate(const Arguments& a) const { return a.decode / decode_seconds; }
  double decode_gb() const { return (decode.weight_bytes + decode.kv_bytes) / decode_seconds / 1e9; }
  double prefill_gflop() const { return prefill.flops / prefill_seconds / 1e9; }
  double peak() const { return int8 ? machine.int8_gop_per_second : machine.f32_gflop_per_second; }
};

// A cache with room for one sequence of all tokens, without a memory limit.
Result<std::unique_ptr<engine::Cache>> cache_for(const engine::LoadedModel& m, const Arguments& a) {
  if (a.prefill + a.decode > m.model->context())
    return Error{Code::invalid, fmt::format("bench: {} + {} tokens are more than the model's context of {}",
                                            a.prefill, a.decode, m.model->context())};
  return engine::Cache::make(
      *m.model, *m.chip,
      {.rounding = m.rounding.cache, .bytes_max = INT64_MAX, .context = a.prefill + a.decode});
}

// Counts the work of prefill and decode on the `dry` chip.
void count_costs(const engine::LoadedModel& m, engine::Cache& cache, const Arguments& a, Figures* f) {
  for (Cost* cost : {&f->prefill, &f->decode}) {
    const auto dry = make_dry_chip(cost);
    Run run(*m.model, *dry, cache);
    run.read(a.prefill, a.chunk);
    if (cost == &f->prefill) continue;
    *cost = {};  // the prompt does not belong to the cost of decoding
    run.write(a.decode);
  }
}

Result<Figures> measure(const Arguments& a) {
  engine::LoadOptions load{.chip = a.chip, .threads = a.threads};
  if (!a.rounding.empty()) {
    AUTARK_TRY(load.rounding, engine::rounding_named(a.rounding));
  }
  AUTARK_TRY(const auto path, hub::find_model(a.model));
  Figures f;
  AUTARK_TRY(f.machine, measure_machine({.threads = a.threads}));
  engine::LoadedModel m;
  std::optional<Error> fault;
  f.load_seconds = seconds_of([&] {
    auto loaded = engine::load_model(path, load);
    if (!loaded) {
      fault = loaded.error();
      return;
    }
    m = std::move(*loaded);
    engine::warm_up(m);
  });
  if (fault) return *fault;
  f.weights = engine::weights_line(m.checkpoint);
  f.rounding = m.rounding_line;
  f.int8 = m.rounding.inputs == Rounding::Inputs::int8;
  AUTARK_TRY(const auto cache, cache_for(m, a));
  count_costs(m, *cache, a, &f);
  std::vector<double> prefill, decode;
  for (int i = 0; i < a.repeat; ++i) {
    Run run(*m.model, *m.chip, *cache);
    prefill.push_back(seconds_of([&] { run.read(a.prefill, a.chunk); }));
    decode.push_back(seconds_of([&] { run.write(a.decode); }));
  }
  f.prefill_seconds = median(prefill);
  f.decode_seconds = median(decode);
  m.chip->reset();
  if (auto e = m.checkpoint.weights->change()) return *e;
  return f;
}

void print_json(const Arguments& a, const Figures& f) {
  const Json j = {{"model", a.model},
                  {"weights", f.weights},
                  {"rounding", f.rounding},
                  {"chip", a.chip},
                  {"isa", f.machine.isa},
                  {"threads", f.machine.threads},
                  {"prefill", a.prefill},
                  {"decode", a.decode},
                  {"repeat", a.repeat},
                  {"load_seconds", f.load_seconds},
                  {"prefill_tokens_per_second", f.prefill_rate(a)},
                  {"prefill_gflop_per_second", f.prefill_gflop()},
                  {"prefill_fraction_of_peak", f.prefill_gflop() / f.peak()},
                  {"decode_tokens_per_second", f.decode_rate(a)},
                  {"decode_gb_per_second", f.decode_gb()},
                  {"decode_fraction_of_read", f.decode_gb() / f.machine.read_gb_per_second},
                  {"read_gb_per_second", f.machine.read_gb_per_second},
                  {"f32_gflop_per_second", f.machine.f32_gflop_per_second},
                  {"int8_gop_per_second", f.machine.int8_gop_per_second}};
  fmt::print("{}\n", dump_json(j));
}

void print_table(const Arguments& a, const Figures& f) {
  fmt::print("{}: {}\nrounding {}\n{} threads, {}; loaded in {:.1f} s; median of {}\n\n", a.model, f.weights,
             f.rounding, f.machine.threads, f.machine.isa, f.load_seconds, a.repeat);
  fmt::print("{:<14}{:>10}{:>10}{:>12}   {}\n", "", "tok/s", "GB/s", "GFLOP/s", "of what this machine gives");
  fmt::print("{:<14}{:>10.1f}{:>10}{:>12.1f}   {:.0f} % of {:.0f} {} GFLOP/s\n",
             fmt::format("prefill {}", a.prefill), f.prefill_rate(a), "", f.prefill_gflop(),
             100 * f.prefill_gflop() / f.peak(), f.peak(), f.int8 ? "int8" : "f32");
  fmt::print("{:<14}{:>10.1f}{:>10.1f}{:>12.1f}   {:.0f} % of {:.1f} GB/s read\n",
             fmt::format("decode {}", a.decode), f.decode_rate(a), f.decode_gb(),
             f.decode.flops / f.decode_seconds / 1e9, 100 * f.decode_gb() / f.machine.read_gb_per_second,
             f.machine.read_gb_per_second);
}

int run(const Arguments& a) {
  const auto f = measure(a);
  if (!f) return fail(f.error());
  a.json ? print_json(a, *f) : print_table(a, *f);
  return 0;
}

}  // namespace

void add_bench_command(const Command& program) {
  auto a = std::make_shared<Arguments>();
  const Command c =
      program.command("bench", "Speed, and the fraction of what this machine was measured to give");
  c.footer("Examples:\n  autark bench\n  autark bench qwen2.5-coder-0.5b --prefill 128 --decode 32 --json");
  c.option("MODEL", a->model, "A path, or the name of a model that was pulled (the default model)");
  c.option("--prefill", a->prefill, "Tokens of the prompt",
           {.rule = whole_number(1, 1 << 30), .shows_default = true});
  c.option("--decode", a->decode, "Tokens to generate",
           {.rule = whole_number(1, 1 << 30), .shows_default = true});
  c.option("--chunk", a->chunk, "Prompt rows in one step",
           {.rule = whole_number(1, 1 << 30), .shows_default = true});
  c.option("--repeat", a->repeat, "Times; the median counts",
           {.rule = whole_number(1, 1 << 30), .shows_default = true});
  c.option("--threads", a->threads, "0: one per physical core", {.rule = whole_number(0, 1 << 30)});
  c.option("--chip", a->chip, "cpu or ref", {.shows_default = true});
  c.option("--rounding", a->rounding,
           "none, trained, exact or fast, see logits --help (what the rounding table says)");
  c.flag("--json", a->json, "One JSON object on standard output");
  c.runs([a] { return run(*a); });
}

}  // namespace autark::apps
