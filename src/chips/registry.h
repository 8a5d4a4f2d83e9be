// Chips by name. Whoever needs one asks here; the folders of the chips stay private.
#pragma once
#include <memory>
#include <string>
#include <string_view>
#include <vector>
#include "base/result.h"
#include "chips/chip.h"
#include "cluster/comm.h"

namespace autark {

struct ChipOptions {
  Rounding::Inputs inputs = Rounding::Inputs::f32;
  int threads = 0;       // 0: one per physical core this process may use
  std::string isa;       // of `cpu`: generic, avx2, avx512; empty: AUTARK_CPU, else the best there is
  bool eager = false;    // run every verb at once instead of recording (for tests; same bits)
  Comm* comm = nullptr;  // tensor-parallel group; empty: alone
};

// "ref", "cpu", and for tests "far" (chips/far/far_chip.h). An unknown name, an ISA this machine lacks or a
// mode the chip does not offer is an Error that lists what there is.
Result<std::unique_ptr<Chip>> make_chip(std::string_view name, const ChipOptions& options = {});
std::vector<std::string> chip_names();       // those for users
bool rounds_to_int8(std::string_view chip);  // whether the chip of this name has 8-bit inputs

// The ISAs of `cpu` that this machine can run, the best last.
std::vector<std::string> cpu_isas();

// What this machine gives, measured now with `threads` threads: the denominators of every speed we state.
struct MachineSpeed {
  int threads = 0;
  std::string isa;
  double read_gb_per_second = 0;    // plain reads of a buffer larger than the last-level cache
  double f32_gflop_per_second = 0;  // fused multiply-adds from registers
  double int8_gop_per_second = 0;   // the ISA's int8 dot product from registers
};
Result<MachineSpeed> measure_machine(const ChipOptions& options, double seconds = 0.5);

// Costs counted by the `dry` chip, which computes nothing.
struct Cost {
  double flops = 0, weight_bytes = 0, kv_bytes = 0;
  int ops = 0;
  std::vector<Format> attended;  // the records that attention reads, each once
};
std::unique_ptr<Chip> make_dry_chip(Cost* cost);

}  // namespace autark
