// A chip that passes every verb on to another one and says before which group the verb belongs to.
#pragma once
#include <memory>
#include "chips/chip.h"
#include "chips/verb_times.h"

namespace autark {

// `times` outlives the chip. `chip` was made with the same `times`.
std::unique_ptr<Chip> make_timed_chip(std::unique_ptr<Chip> chip, VerbTimes& times);

}  // namespace autark
