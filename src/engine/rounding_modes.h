// The modes of --rounding by name. Which mode an architecture has when nobody asks for one is in its entry
// (models/architecture.h); those defaults were chosen on the goldens of real models (tests/golden/real).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include "base/result.h"
#include "models/architecture.h"
#include "tensor/rounding.h"

namespace autark::engine {

// "none", "trained" (official rounding points, records as stored), "exact" (the same with records simulated
// in float32), "fast".
Result<Rounding> rounding_named(std::string_view mode);
// Why a checkpoint of `a` in this kind of file cannot run so: official rounding points need an architecture
// that has them, exact ones its published safetensors files, too.
std::optional<Error> fault_of(Rounding r, const Architecture& a, std::string_view kind);
// "fast", or the two choices of a rounding that is none of the modes.
std::string name_of(Rounding r);

}  // namespace autark::engine
