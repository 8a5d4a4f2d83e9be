// Products that only some processors have a unit for, at full speed from registers: vdpbf16ps of AVX-512 and
// the tiles of AMX.
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
// These two also ask the system for the right to use tiles; it is the whole process's from then on.
std::optional<UnitPeak> amx_int8_peak();
std::optional<UnitPeak> amx_bf16_peak();

}  // namespace autark
