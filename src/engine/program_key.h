// What kept state depends on besides its tokens and its domain: the model's files, this program, its chip, the
// rounding and the layout of the state.
#pragma once
#include <string>
#include "engine/cache.h"
#include "engine/engine_parts.h"
#include "engine/entry_name.h"

namespace autark::engine {

// Changes with every change of these. Reads this program's own file and samples of the model's files, whose size
// and time count, too.
Sha256 program_key(const Parts& parts, const StateLayout& layout, int rewind_tokens);
// The same for people: the model, version, chip and rounding, one a line.
std::string about(const Parts& parts);

}  // namespace autark::engine
