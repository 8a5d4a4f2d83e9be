// Which architecture runs which weights in which mode unless told otherwise. The rows were chosen on the
// goldens of real models (tests/golden/real), not when a model is loaded; start-up prints the row that
// applies.
#pragma once
#include <string>
#include <string_view>
#include "base/result.h"
#include "tensor/rounding.h"

namespace autark::engine {

struct RoundingRow {
  std::string_view architecture;
  std::string_view weights;  // "blocks": quantised in blocks; "plain": F32, F16, BF16
  std::string_view mode;     // none, exact, fast
  std::string_view because;
};

// The row that applies; an architecture without one gets `none` and a reason that says so.
const RoundingRow& rounding_row(std::string_view architecture, std::string_view weights);

// --rounding: "none", "fast"; "exact" is an Error, no model here has official rounding points.
Result<Rounding> rounding_named(std::string_view mode);
std::string name_of(Rounding r);  // "fast", or its two choices where it is none of the modes

}  // namespace autark::engine
