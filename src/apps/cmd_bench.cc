// autark bench. What is measured is in speed.h, how it is printed in speed_report.cc.
#include "apps/cmd_bench.h"
#include <fmt/core.h>
#include <memory>
#include "apps/command_line.h"
#include "apps/report.h"
#include "apps/speed_report.h"

namespace autark::apps {
namespace {

struct Arguments {
  SpeedOptions speed;
  bool json = false;
};

int run(const Arguments& a) {
  const auto speed = measure_speed(a.speed);
  if (!speed) return fail(speed.error());
  if (a.json)
    fmt::print("{}\n", dump_json(to_json(a.speed, *speed)));
  else
    print_table(a.speed, *speed);
  return 0;
}

void add_sizes(const Command& c, SpeedOptions& o) {
  const auto number = [&](const char* name, int& value, const char* what, int least = 1) {
    c.option(name, value, what, {.rule = whole_number(least, 1 << 30), .shows_default = true});
  };
  number("--prefill", o.prefill, "Tokens of the prompt");
  number("--decode", o.decode, "Tokens to generate");
  number("--chunk", o.chunk, "Prompt rows in one step");
  number("--batch", o.batch, "Sequences that are decoded together; tok/s counts all of them");
  number("--depth", o.depth, "Tokens before the prompt; their state is filled with random records", 0);
  number("--repeat", o.repeat, "Times; the median counts");
}

}  // namespace

void add_bench_command(const Command& program) {
  auto a = std::make_shared<Arguments>();
  const Command c =
      program.command("bench", "Speed, and the fraction of what this machine was measured to give");
  c.footer(
      "Without --weight-cache it maps a weight cache that is there, and writes none.\n\n"
      "Examples:\n  autark bench\n  autark bench qwen2.5-coder-0.5b --prefill 128 --decode 32 --json\n"
      "  autark bench qwen2.5-coder-0.5b --batch 4 --depth 8192 --prefill 16 --decode 16");
  c.option("MODEL", a->speed.model, "A path, or the name of a model that was pulled (the default model)");
  add_sizes(c, a->speed);
  add_weight_cache_options(c, a->speed.weight_cache);
  c.option("--threads", a->speed.threads, "0: one per physical core, no more than affinity and quota allow",
           {.rule = whole_number(0, 1 << 30)});
  c.option("--chip", a->speed.chip, "cpu or ref", {.shows_default = true});
  c.option("--rounding", a->speed.rounding,
           "none, trained, exact or fast, see logits --help (what the rounding table says)");
  c.flag("--busy", a->speed.busy, "Measure once more beside one busy process per core");
  c.flag("--json", a->json, "One JSON object on standard output");
  c.runs([a] { return run(*a); });
}

}  // namespace autark::apps
