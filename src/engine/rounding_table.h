// Which architecture runs which weights in which mode unless told otherwise. The rows were chosen on the
// goldens of real models (tests/golden/real), not when a model is loaded; start-up prints the row that
// applies.
#pragma once
#include <optional>
#include <string>
#include <string_view>
#include "base/result.h"
#include "tensor/rounding.h"

namespace autark::engine {

struct RoundingRow {
  std::string_view architecture;
  std::string_view weights;  // "blocks": quantised in blocks; "plain": F32, F16, BF16
  std::string_view mode;     // none, trained, fast
  std::string_view because;
};

// The row that applies; an architecture without one gets `none` and a reason that says so.
const RoundingRow& rounding_row(std::string_view architecture, std::string_view weights);

// --rounding: "none", "trained" (official rounding points, records as stored), "exact" (the same with records
// simulated in float32), "fast".
Result<Rounding> rounding_named(std::string_view mode);
// Why this cannot be had: official rounding points are one architecture's, exact ones its published files'.
std::optional<Error> fault_of(Rounding r, std::string_view architecture, std::string_view kind);
std::string name_of(Rounding r);  // "fast", or its two choices where it is none of the modes

}  // namespace autark::engine
