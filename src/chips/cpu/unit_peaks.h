// Products that only some processors have a unit for, at full speed from registers: vdpbf16ps of AVX-512 and
// the bf16 products of AMX tiles.
#pragma once
#include <cstdint>
#include <optional>

namespace autark {

struct UnitPeak {
  double (*run)(int64_t rounds);
  double ops;  // of one round, a multiplication and an addition each
};

// Empty where the processor or the system lacks the unit.
std::optional<UnitPeak> bf16_peak();
std::optional<UnitPeak> amx_bf16_peak();
// REQUIRES: this machine runs kernels_amx().
UnitPeak tile_bf16_peak();

}  // namespace autark
