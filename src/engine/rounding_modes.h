// The modes of --rounding by name. The default mode of an architecture is in its registry entry
// (models/architecture.h); the defaults were chosen on the goldens of real models (tests/golden/real).
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include "base/result.h"
#include "models/architecture.h"
#include "tensor/rounding.h"

namespace autark::engine {

// "none" (float32), "fast" (int8 inputs for block formats, native records), "trained" (official rounding
// points, native records), "exact" (the same points, records rounded but stored in float32).
Result<Rounding> rounding_named(std::string_view mode);
// An error if a checkpoint of `a` cannot run with this rounding. "trained" and "exact" need an architecture
// with official rounding points; "exact" also needs its published files, so it refuses the kind "gguf".
std::optional<Error> fault_of(Rounding r, const Architecture& a, std::string_view kind);
// The name of the mode, or the names of both choices if no mode has this combination.
std::string name_of(Rounding r);

}  // namespace autark::engine
