// measure_machine: all threads of a team run the same probe for some time. The best round counts, because
// other processes can only make a round slower.
#include <unistd.h>
#include <algorithm>
#include <atomic>
#include <chrono>
#include "base/control_group.h"
#include "chips/cpu/isa.h"
#include "chips/cpu/memory.h"
#include "chips/cpu/team.h"
#include "chips/cpu/topology.h"
#include "chips/cpu/unit_peaks.h"
#include "chips/registry.h"

namespace autark {
namespace {

using Clock = std::chrono::steady_clock;

struct Probe {
  static constexpr int kShares = 8;  // pieces per thread, so that all threads are busy

  const Kernels& kernels;
  Team team;
  Pages buffer;
  std::atomic<double> sink{0};  // keeps the compiler from removing the work

  int shares() const { return team.size() * kShares; }

  // Writes all shares, so that each has pages of its own.
  void fill(int64_t share) {
    best(0, 1, [&](int i) {
      std::fill_n(buffer.data() + i * share, share, std::byte{1});
      return 0.0;
    });
  }

  // The units of work per second of all threads together, in the best round of `seconds`. One
  // share(i) is `units`.
  template <class Share>
  double best(double seconds, double units, Share share) {
    struct Context {
      Probe& probe;
      Share& share;
      std::atomic<int> next{0};
    };
    double rate = 0;
    const auto end = Clock::now() + std::chrono::duration<double>(seconds);
    do {
      Context context{*this, share};
      const auto begin = Clock::now();
      team.run(
          [](void* c, int) {
            auto& x = *static_cast<Context*>(c);
            for (int i; (i = x.next.fetch_add(1)) < x.probe.shares();)
              x.probe.sink.store(x.share(i), std::memory_order_relaxed);
          },
          &context);
      rate = std::max(rate, units * shares() / std::chrono::duration<double>(Clock::now() - begin).count());
    } while (Clock::now() < end);
    return rate;
  }
};

// A scan of twice the last cache finds nothing in it. A server's cache can exceed the memory of a small virtual machine, so
// this is at most a quarter of the memory, and 256 MiB otherwise.
int64_t bytes_to_read() {
  constexpr int64_t kLeast = int64_t{256} << 20;
  int64_t memory = int64_t{sysconf(_SC_PHYS_PAGES)} * sysconf(_SC_PAGESIZE);
  const ControlGroups::Memory group = control_groups().memory;
  if (group.bytes) memory = std::min(memory, group.free);
  return std::max(kLeast, std::min(2 * last_cache_bytes(), memory / 4));
}

// Billions of operations a second; empty where there is no such unit.
std::optional<double> best_of(Probe& p, double seconds, std::optional<UnitPeak> unit, int64_t rounds) {
  if (!unit) return {};
  return p.best(seconds, unit->ops * static_cast<double>(rounds) / 1e9,
                [&](int) { return unit->run(rounds); });
}

std::optional<UnitPeak> int8_peak_of(std::string_view isa) {
  const auto kernels = kernels_for(isa);
  if (!kernels) return {};
  return UnitPeak{(*kernels)->int8_peak, (*kernels)->int8_ops};
}

void measure_units(Probe& p, double seconds, int64_t rounds, MachineSpeed* s) {
  s->avx512_int8_gop_per_second = best_of(p, seconds, int8_peak_of("avx512"), rounds);
  s->bf16_gflop_per_second = best_of(p, seconds, bf16_peak(), rounds);
  // A product of tiles takes 16 cycles.
  s->amx_int8_gop_per_second = best_of(p, seconds, int8_peak_of("amx"), rounds / 8);
  s->amx_bf16_gflop_per_second = best_of(p, seconds, amx_bf16_peak(), rounds / 8);
}

}  // namespace

Result<MachineSpeed> measure_machine(const ChipOptions& options, double seconds) {
  AUTARK_TRY(const Kernels* kernels, kernels_for(options.isa));
  const int threads = options.threads ? options.threads : static_cast<int>(usable_cores().size());
  constexpr int64_t kRounds = 50'000;
  Probe p{*kernels, Team(threads), Pages(bytes_to_read())};
  const int64_t share = p.buffer.bytes() / p.shares() / 512 * 512;
  p.fill(share);
  const auto* bytes = reinterpret_cast<const unsigned char*>(p.buffer.data());
  const double each = seconds / 3;
  MachineSpeed s{.threads = threads, .isa = kernels->isa, .float_isa = kernels->float_isa};
  s.read_gb_per_second = p.best(
      each, share / 1e9, [&](int i) { return kernels->read(bytes + i * share, share, kernels->prefetch); });
  s.f32_gflop_per_second =
      p.best(each, kernels->float_flops * kRounds / 1e9, [&](int) { return kernels->float_peak(kRounds); });
  s.int8_gop_per_second =
      p.best(each, kernels->int8_ops * kRounds / 1e9, [&](int) { return kernels->int8_peak(kRounds); });
  measure_units(p, each, kRounds, &s);
  return s;
}

}  // namespace autark
