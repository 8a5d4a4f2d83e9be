// The V4 verbs of the cpu chip.
#pragma once
#include <memory>
#include "chips/cpu/recorder.h"
#include "chips/v4_ops.h"

namespace autark {

// Records on `on`, which belongs to `chip`; `eager` waits after every verb. Both outlive the group.
std::unique_ptr<V4Ops> make_cpu_v4(Recorder& on, Chip& chip, bool eager);

}  // namespace autark
