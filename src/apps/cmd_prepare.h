// autark prepare: writes a model's weight cache.
#pragma once
#include "apps/command_line.h"

namespace autark::apps {

void add_prepare_command(const Command& program);

}  // namespace autark::apps
