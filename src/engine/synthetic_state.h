// State as a text of any length leaves it, without reading one: for measurements of speed at a depth.
#pragma once
#include <cstdint>
#include "engine/cache.h"

namespace autark::engine {

// Fills all state of `s`, an empty sequence with room for `tokens`, with records of seeded random values in
// the formats that the cache keeps, and makes the sequence `tokens` long. The bytes reach the chip by
// copy_in().
void fill_synthetic(const Cache& cache, Chip& on, SequenceState& s, int64_t tokens, uint64_t seed);

}  // namespace autark::engine
