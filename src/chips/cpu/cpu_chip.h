// The CPU chip: a team of threads, one per core, runs recorded verbs. See README.md.
#pragma once
#include <memory>
#include "base/result.h"
#include "chips/registry.h"

namespace autark {

Result<std::unique_ptr<Chip>> make_cpu_chip(const ChipOptions& options);

}  // namespace autark
