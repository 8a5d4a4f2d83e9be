// Creates chips by name. The folders of the chips are private; other code includes this header only.
#pragma once
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>
#include "base/result.h"
#include "chips/chip.h"
#include "chips/verb_times.h"
#include "cluster/comm.h"

namespace autark {

class WeightStore;

struct ChipOptions {
  Rounding::Inputs inputs = Rounding::Inputs::f32;
  int threads = 0;  // 0: one per physical core that this process may use
  // For `cpu`: generic, avx2, avx512, amx; empty: AUTARK_CPU, else the best available.
  std::string isa;
  bool eager = false;          // run every verb at once instead of recording it (for tests; same bits)
  Comm* comm = nullptr;        // tensor-parallel group, not owned; null: alone
  VerbTimes* times = nullptr;  // where `cpu` adds its time by groups of verbs, not owned; null: it takes none
  // Where `cpu` keeps its forms of weights, not owned; null: they live as long as the chip.
  WeightStore* store = nullptr;
};

// Knows "ref", "cpu", and for tests "far" (chips/far/far_chip.h). An unknown name, an ISA that this machine
// lacks or a mode that the chip does not have is an Error that lists the alternatives.
Result<std::unique_ptr<Chip>> make_chip(std::string_view name, const ChipOptions& options = {});
std::vector<std::string> chip_names();       // without those for tests
bool rounds_to_int8(std::string_view chip);  // whether the chip of this name supports Inputs::int8

// The ISAs of `cpu` that this machine can run, the best last.
std::vector<std::string> cpu_isas();
// The others of its processor family, each with the reason: "amx: the processor has no …".
std::vector<std::string> cpu_isas_missing();

// The peak speeds of this machine, measured with `threads` threads. Reported speeds are compared with them.
struct MachineSpeed {
  int threads = 0;
  std::string isa, float_isa;       // of the int8 products; of the products of floats
  double read_gb_per_second = 0;    // plain reads of memory, see below
  double f32_gflop_per_second = 0;  // fused multiply-adds from registers
  double int8_gop_per_second = 0;   // the ISA's int8 dot product from registers
  // Units of the processor, whatever the ISA in use; empty where there is none.
  std::optional<double> avx512_int8_gop_per_second;  // vpdpbusd
  std::optional<double> bf16_gflop_per_second;       // vdpbf16ps
  std::optional<double> amx_int8_gop_per_second, amx_bf16_gflop_per_second;
};
// Takes about `seconds` for reads, f32 and int8, and a third of that for every unit; twice the last-level cache of memory, at least
// 256 MiB, but above that no more than a quarter of what there is. So where memory is small, or has several such caches, a part of
// the reads can come from a cache.
Result<MachineSpeed> measure_machine(const ChipOptions& options, double seconds = 0.5);

// The costs of the verbs that ran on a dry chip.
struct Cost {
  double flops = 0, weight_bytes = 0, kv_bytes = 0;  // kv_bytes: state read
  int ops = 0;                                       // verbs
  std::map<Format, double> product_flops;  // the part of `flops` in products with weights, as stored
  std::vector<Format> attended;            // the record formats that attention reads, each once
};
// A chip that computes nothing and adds to `cost`, which must outlive it.
std::unique_ptr<Chip> make_dry_chip(Cost* cost);

}  // namespace autark
