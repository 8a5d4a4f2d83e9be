// For tests that run on every chip: `ref`, and `cpu` with each instruction set of this machine.
#pragma once
#include <memory>
#include <string>
#include <vector>
#include "chips/registry.h"

namespace autark {

// "ref" and the names of cpu_isas().
std::vector<std::string> places();

// The chip of a place: a name of cpu_isas(), or "ref".
std::unique_ptr<Chip> chip_at(const std::string& place, ChipOptions options = {.threads = 2});

}  // namespace autark
