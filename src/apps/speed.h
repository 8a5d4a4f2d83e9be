// The speed of one model here, beside what this machine was measured to give and what a token costs.
#pragma once
#include <array>
#include <optional>
#include <string>
#include "apps/weight_cache_options.h"
#include "base/result.h"
#include "chips/registry.h"

namespace autark::apps {

struct SpeedOptions {
  std::string model, chip = "cpu", rounding;
  int prefill = 512, decode = 96, threads = 0, repeat = 3, chunk = 512;
  int batch = 1;      // sequences that are read one after the other and written together
  int depth = 0;      // tokens before the prompt, whose state is synthetic
  bool busy = false;  // measure once more beside one busy process per core
  WeightCacheArguments weight_cache;
};

// One of the two phases: the run whose time is the median of all.
struct Phase {
  double seconds = 0;
  // Parts of `seconds`, in the order of kVerbGroupNames; all 0 where the chip does not measure them.
  std::array<double, kVerbGroups> by_group{};
};

// The same work beside other load.
struct BusySpeed {
  int processes = 0;  // that computed without rest
  Phase prefill, decode;
};

struct Speed {
  MachineSpeed machine;
  std::string weights, rounding;
  double load_seconds = 0;
  Phase prefill, decode;
  std::optional<BusySpeed> busy;   // if SpeedOptions::busy
  Cost prefill_cost, decode_cost;  // of the whole phase, all sequences
  double bytes_of_one_alone = 0;   // read by a decode step of a single sequence
  std::string unit;                // which arithmetic unit the products of the prompt use
  double unit_gop_per_second = 0;  // its measured peak

  double prefill_gflop() const { return prefill_cost.flops / prefill.seconds / 1e9; }
  double decode_gflop() const { return decode_cost.flops / decode.seconds / 1e9; }
  double decode_bytes() const { return decode_cost.weight_bytes + decode_cost.kv_bytes; }
  double decode_gb() const { return decode_bytes() / decode.seconds / 1e9; }
};

Result<Speed> measure_speed(const SpeedOptions& options);

}  // namespace autark::apps
