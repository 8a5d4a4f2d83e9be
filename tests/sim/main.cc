// Drives the scheduler and the prefix tree through seeded lives and checks every step (simulation.h).
//
//   autark_sim [--seeds A:B] [--steps N] [--json]
//
// N steps in all (default 100000), divided evenly among the seeds A … B (default 1:100). Prints progress to
// stderr and a summary to stdout, with --json as one line of JSON. Exit code: 0 if no check failed, 1 if one
// did, 2 for wrong options.
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>
#include "simulation.h"

namespace autark::sim {
namespace {

struct Asked {
  int64_t first = 1, last = 100, steps = 100000;
  bool json = false;
};

constexpr const char* kHelp =
    "autark_sim [--seeds A:B] [--steps N] [--json]\n"
    "Drives the scheduler and the prefix tree through random requests and checks every step.\n"
    "  --seeds A:B  seeds of the random numbers, 0 <= A <= B < 2^32 (default 1:100)\n"
    "  --steps N    steps in all, divided evenly among the seeds (default 100000)\n"
    "  --json       the summary as one line of JSON\n";

std::optional<int64_t> number(std::string_view text) {
  int64_t n = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), n);
  if (error != std::errc{} || end != text.data() + text.size() || n < 0) return {};
  return n;
}

bool read_seeds(std::string_view text, Asked* a) {
  const size_t colon = text.find(':');
  if (colon == text.npos) return false;
  const auto first = number(text.substr(0, colon)), last = number(text.substr(colon + 1));
  if (!first || !last || *first > *last || *last > int64_t{UINT32_MAX}) return false;
  a->first = *first, a->last = *last;
  return true;
}

std::optional<Asked> read(std::span<char*> words) {
  Asked a;
  for (size_t i = 0; i < words.size(); ++i) {
    const std::string_view word = words[i], next = i + 1 < words.size() ? words[i + 1] : "";
    if (word == "--json") {
      a.json = true;
    } else if (word == "--seeds" && read_seeds(next, &a)) {
      ++i;
    } else if (word == "--steps" && number(next)) {
      a.steps = *number(next), ++i;
    } else {
      return {};
    }
  }
  return a;
}

struct Outcome {
  Counts counts;
  int64_t failed_seed = -1;
  std::vector<std::string> faults;
};

// One seed. False: a check failed.
bool live(uint32_t seed, int64_t steps, Outcome* out) {
  Simulation s(seed);
  for (int64_t i = 0; i < steps && s.faults().empty(); ++i) s.step();
  if (s.faults().empty()) s.drain();
  out->counts.add(s.counts());
  if (s.faults().empty()) return true;
  out->failed_seed = seed;
  out->faults = s.faults();
  std::fprintf(stderr, "seed %u fails after %lld steps:\n", seed, (long long)s.counts().steps);
  for (const auto& f : s.faults()) std::fprintf(stderr, "  %s\n", f.c_str());
  return false;
}

Outcome run(const Asked& a) {
  Outcome out;
  const int64_t seeds = a.last - a.first + 1, each = (a.steps + seeds - 1) / seeds;
  for (int64_t i = 0; i < seeds; ++i) {
    if (!live(uint32_t(a.first + i), each, &out)) break;
    if ((i + 1) * 10 / seeds != i * 10 / seeds)
      std::fprintf(stderr, "%lld of %lld seeds, %lld steps\n", (long long)i + 1, (long long)seeds,
                   (long long)out.counts.steps);
  }
  return out;
}

void print(const Asked& a, const Outcome& o) {
  const Counts& c = o.counts;
  const std::pair<const char*, int64_t> numbers[] = {{"steps", c.steps},
                                                     {"arrived", c.arrived},
                                                     {"refused", c.refused},
                                                     {"finished", c.finished},
                                                     {"cancelled", c.cancelled},
                                                     {"late", c.late},
                                                     {"preempted", c.preempted},
                                                     {"rows", c.rows},
                                                     {"drafts", c.drafts},
                                                     {"read", c.read},
                                                     {"possible", c.possible},
                                                     {"evicted_all", c.evicted_all},
                                                     {"clock_jumps", c.jumps},
                                                     {"mixed_steps", c.mixed_steps},
                                                     {"slow_steps", c.slow_steps},
                                                     {"wait_max", c.wait_max},
                                                     {"held", c.held},
                                                     {"probes", c.probes},
                                                     {"probe_wait_max", c.probe_wait_max},
                                                     {"overtaken_max", c.overtaken_max}};
  std::printf(a.json ? "{\"ok\":%s,\"first_seed\":%lld,\"last_seed\":%lld,\"failed_seed\":%lld"
                     : "ok: %s, seeds %lld to %lld, failed seed: %lld\n",
              o.faults.empty() ? "true" : "false", (long long)a.first, (long long)a.last,
              (long long)o.failed_seed);
  for (const auto& [name, n] : numbers)
    std::printf(a.json ? ",\"%s\":%lld" : "  %-14s %lld\n", name, (long long)n);
  if (a.json) std::printf("}\n");
}

}  // namespace
}  // namespace autark::sim

int main(int argc, char** argv) {
  using namespace autark::sim;
  if (argc == 2 && std::strcmp(argv[1], "--help") == 0) return std::fputs(kHelp, stdout), 0;
  const auto asked = read({argv + 1, size_t(argc) - 1});
  if (!asked) return std::fputs(kHelp, stderr), 2;
  const Outcome o = run(*asked);
  print(*asked, o);
  return o.faults.empty() ? 0 : 1;
}
