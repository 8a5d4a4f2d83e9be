// autark platform prices: the price files of a platform.
#pragma once
#include "apps/command_line.h"

namespace autark::apps {

void add_prices_command(const Command& parent);

}  // namespace autark::apps
